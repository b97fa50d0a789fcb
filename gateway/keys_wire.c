#include "gateway/keys_wire.h"

#include <endian.h>
#include <string.h>

size_t gw_keys_write(const struct gw_keys_message *m, uint8_t *wire)
{
    const uint16_t number = htobe16(m->number);
    const uint32_t id = htobe32(m->id), len = htobe32((uint32_t)m->bytes.len);

    if (m->bytes.len > 0)
        memmove(wire + GW_KEYS_HEAD, m->bytes.ptr, m->bytes.len);
    wire[0] = m->op;
    wire[1] = m->status;
    memcpy(wire + 2, &number, sizeof number);
    memcpy(wire + 4, &id, sizeof id);
    memcpy(wire + 8, &len, sizeof len);
    return GW_KEYS_HEAD + m->bytes.len;
}

bool gw_keys_read(struct span wire, struct gw_keys_message *m)
{
    uint16_t number;
    uint32_t id, len;

    if (wire.len < GW_KEYS_HEAD || wire.len > GW_KEYS_MESSAGE_MAX)
        return false;
    memcpy(&number, wire.ptr + 2, sizeof number);
    memcpy(&id, wire.ptr + 4, sizeof id);
    memcpy(&len, wire.ptr + 8, sizeof len);
    *m = (struct gw_keys_message){.op = wire.ptr[0],
                                  .status = wire.ptr[1],
                                  .number = be16toh(number),
                                  .id = be32toh(id),
                                  .bytes =
                                      span_of(wire.ptr + GW_KEYS_HEAD, wire.len - GW_KEYS_HEAD)};
    return be32toh(len) == m->bytes.len && m->op >= GW_KEYS_LOAD && m->op <= GW_KEYS_POWER &&
           m->status <= ST_INTERNAL;
}
