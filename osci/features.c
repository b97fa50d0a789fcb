#include "osci/features.h"

#include "osci/chunk.h"

void osci_features_ours(struct osci_features *features, bool chunks)
{
    static const char *const keys[] = {"DisableBase64 1.2.0",        "OAEPEncryption 1.6.0",
                                       "SHA3HashAlgo 1.6.3",         "GCMPaddingModus 1.7.0",
                                       "Support96Bit12ByteIV 1.9.0", OSCI_CHUNK_FEATURE};
    size_t count = ARRAY_LEN(keys) - !chunks;

    *features = (struct osci_features){.present = true, .key_count = count};
    for (size_t i = 0; i < count; i++)
        features->keys[i] = span_str(keys[i]);
}

bool osci_features_have(const struct osci_features *features, const char *key)
{
    for (size_t i = 0; i < features->key_count; i++) {
        struct span rest = features->keys[i], name;

        if (span_split(&rest, ' ', &name) && span_is(name, key))
            return true;
    }
    return false;
}

struct osci_form osci_features_form(const struct osci_features *features)
{
    if (!features->present)
        return (struct osci_form){0};
    return (struct osci_form){.iv16 = !osci_features_have(features, "Support96Bit12ByteIV"),
                              .base64 = !osci_features_have(features, "DisableBase64")};
}
