/*
 * gateway/hex.h - bytes that were written as hexadecimal digits
 */
#pragma once

#include "crypto/base/span.h"

/* Exactly 2 * len digits, of either case, and nothing else: no blanks, signs or 0x, which strtoul
 * would take. False otherwise; bytes is then undefined. */
bool gw_hex_read(struct span hex, uint8_t *bytes, size_t len);
