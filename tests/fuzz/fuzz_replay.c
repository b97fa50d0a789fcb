/*
 * fuzz_replay.c - a main for fuzz targets where libFuzzer is not linked in
 *
 * Runs the target on each file it is given, and on each file below each folder. Ends with 1 when
 * there was nothing to run, so that a lost seed folder is noticed.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

enum { PATH_BYTES = 4096 };
enum { INPUT_MAX = 64 * 1024 }; /* as -max_len of the libFuzzer runs */

/* Returns the number of inputs run. The copy is exactly as long as the input, for asan's sake. */
static int replay_file(const char *path)
{
    static uint8_t input[INPUT_MAX];
    FILE *f = fopen(path, "rb");
    uint8_t *exact;
    size_t len;

    if (f == NULL)
        return 0;
    len = fread(input, 1, sizeof input, f);
    fclose(f);
    exact = malloc(len > 0 ? len : 1);
    if (exact == NULL)
        return 0;
    memcpy(exact, input, len);
    LLVMFuzzerTestOneInput(exact, len);
    free(exact);
    return 1;
}

static int replay(const char *path)
{
    struct stat st;
    struct dirent *entry;
    DIR *dir;
    int count = 0;

    if (stat(path, &st) != 0)
        return 0;
    if (!S_ISDIR(st.st_mode))
        return replay_file(path);
    dir = opendir(path);
    if (dir == NULL)
        return 0;
    while ((entry = readdir(dir)) != NULL) {
        char below[PATH_BYTES];

        if (entry->d_name[0] == '.')
            continue;
        if (snprintf(below, sizeof below, "%s/%s", path, entry->d_name) < (int)sizeof below)
            count += replay(below);
    }
    closedir(dir);
    return count;
}

int main(int argc, char **argv)
{
    int count = 0;

    for (int i = 1; i < argc; i++)
        count += replay(argv[i]);
    printf("%d inputs\n", count);
    return count > 0 ? 0 : 1;
}
