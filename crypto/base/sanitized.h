/*
 * crypto/base/sanitized.h - SANITIZED: 1 where this is compiled with the address sanitizer, else 0
 *
 * It traces its own process, calls what others need not, and needs memory and time of its own; so
 * bounds on these do not hold there, and a filter of system calls is left out.
 */
#pragma once

#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif
