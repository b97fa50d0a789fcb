/*
 * gateway/cli_demo.h - depesche init: what it writes
 *
 * A demo lies in one folder: pki/ with a CA and what it issued, and for town-a, town-b and the
 * intermediary a configuration (NAME.yaml) and a folder (state, socket, drop folder). Nothing that
 * exists is written over.
 */
#pragma once

#include "gateway/cli.h"

/* 0 or the exit code. port: the intermediary's HTTPS; the next one is its HTTP. */
int gw_cli_demo(struct gw_cli *cli, const char *dir, unsigned port);
/* The commented starter configuration. */
void gw_cli_starter(struct buf *b, enum gw_lang lang);

/* An existing folder is fine. 0 or the exit code after saying what is wrong. */
int gw_cli_folder_make(struct gw_cli *cli, const char *path, unsigned mode);
/* A new file, on disk when this returns. 0 or the exit code after saying what is wrong. */
int gw_cli_file_write(struct gw_cli *cli, const char *path, unsigned mode, struct span text);
