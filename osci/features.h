/*
 * osci/features.h - FeatureDescription: what a peer reads, and what we say that we read
 *
 * It speaks for its sender alone, and helps with what is written to him next: a peer that describes
 * himself without a feature gets the older form, one that says nothing gets the better one. It
 * decides between equally strong forms only. Whatever it says, AES-GCM and RSA-OAEP are what is
 * written (OSCI-042): a description on an unsigned message is anybody's.
 *
 * The official library goes on with GCM only where the answer names it (wire-notes 7).
 *
 * Source: OSCI 1.2 digest 7.7; wire-notes 7, 11.
 */
#pragma once

#include "osci/message.h"

/* Our own keys, without sizes. chunks: chunk orders, too. */
void osci_features_ours(struct osci_features *features, bool chunks);
/* Is the key among them? Versions say when it was invented and are not compared. */
bool osci_features_have(const struct osci_features *features, const char *key);
/* How to write to whoever described himself so; the better form where nothing is described. */
struct osci_form osci_features_form(const struct osci_features *features);
