/*
 * tests/fault/journal.h - what a power cut would take: changes to files that are not durable yet
 *
 * Every change below the watched folder is told here before it is made, and every flush that has
 * succeeded. journal_cut then takes back, on the disk as it is, what was not flushed, so that the
 * next start finds what it might find after a power cut.
 *
 * The model is strict where POSIX promises nothing: bytes are durable after fsync of their file, a
 * name (new, removed, renamed) after fsync of its folder, a rename after that of the folder it went
 * to. What an fsync that failed was to make durable is never made so by a later one that succeeds,
 * unless it is written again: that is how Linux does it.
 *
 * What is about to be removed keeps a second link in a folder beside the watched one, <root>.grave.
 * The caller serialises all calls, the changes themselves included.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "tests/fault/page.h"

void journal_init(const char *root);

/* A file open for writing; the bytes in [offset, offset + len) are about to change, or, for a
 * truncation, all behind offset (len 0). */
void journal_write(int fd, off_t offset, size_t len);
void journal_truncate(int fd, off_t len);
/* A new name, of a file, a folder or a link: call it behind the call that made it. */
void journal_made(const char *path);
/* Before: path will lose its file (false) or folder (true). */
void journal_remove(const char *path, bool folder);
/* A removal or a displacing rename that failed. */
void journal_forget_last(void);
/* Before: from becomes to, and what was there is gone. */
void journal_rename(const char *from, const char *to);

/* fd, a file or a folder, was flushed; or it was not, because the disk failed. */
void journal_flushed(int fd);
void journal_flush_failed(int fd);
void journal_flushed_all(void);

/* The power goes. Returns how many changes were taken back. */
uint32_t journal_cut(enum fault_power power, uint32_t seed);
