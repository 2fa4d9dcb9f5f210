/* SPDX-License-Identifier: Apache-2.0
 *
 * The surroundings of fuzz targets: files in memory, so that a crash leaves nothing behind, and
 * randomness and a clock that are the same in every run.
 */
#ifndef LIBSSPI_FUZZ_WORLD_H
#define LIBSSPI_FUZZ_WORLD_H

#include <libsspi.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "env.h"
#include "fuzz.h"
#include "ntlm/keys.h"
#include "ntlm/keys_v1.h"

#define FUZZ_USER "anna"
#define FUZZ_DOMAIN "WORLD"
#define FUZZ_PASSWORD "Secret123!"
#define FUZZ_CLOCK 133500000000000000u /* in January 2024 */

static inline int fuzz_file(void)
{
    int file = memfd_create("libsspi-fuzz", 0);
    MUST(file >= 0 && fchmod(file, 0600) == 0);
    return file;
}

static inline void fuzz_file_write(int file, const void *data, size_t size)
{
    MUST(ftruncate(file, 0) == 0);
    MUST(!size || pwrite(file, data, size, 0) == (ssize_t)size);
}

static inline void fuzz_name_config(int file)
{
    char path[40];
    snprintf(path, sizeof path, "/proc/self/fd/%d", file);
    MUST(setenv("LIBSSPI_CONFIG", path, 1) == 0);
}

static inline void fuzz_hash(char **at, const uint8_t hash[16])
{
    for (int i = 0; i < 16; i++)
        *at += sprintf(*at, "%02X", hash[i]);
    *at += sprintf(*at, ":");
}

/* One account. Returns its file. */
static inline int fuzz_accounts(void)
{
    char text[256], *at = text;
    uint8_t nt[16], lm[16];
    int accounts = fuzz_file();
    MUST(ntlm_nt_hash(FUZZ_PASSWORD, nt) && ntlm_lm_hash(FUZZ_PASSWORD, lm));
    at += sprintf(at, "%s:1000:", FUZZ_USER);
    fuzz_hash(&at, lm);
    fuzz_hash(&at, nt);
    at += sprintf(at, "[U          ]:LCT-60000000:\n");
    fuzz_file_write(accounts, text, (size_t)(at - text));
    /* Old enough for the library to keep what it read. */
    MUST(futimens(accounts, (struct timespec[2]){{1700000000, 1}, {1700000000, 1}}) == 0);
    return accounts;
}

/* Settings that name the accounts, and more lines of [ntlm], for credentials acquired next. */
static inline void fuzz_world(const char *more)
{
    static int accounts = -1, config = -1;
    char text[512];
    if (config < 0) {
        accounts = fuzz_accounts();
        config = fuzz_file();
        fuzz_name_config(config);
    }
    int size = snprintf(text, sizeof text,
                        "[ntlm]\nauthority = file\naccounts = /proc/self/fd/%d\n"
                        "netbios-name = SERVER\nnetbios-domain = %s\n"
                        "dns-name = server.world.test\ndns-domain = world.test\n%s",
                        accounts, FUZZ_DOMAIN, more);
    fuzz_file_write(config, text, (size_t)size);
}

/* Before every run: whatever the library draws is what it drew in all others. */
static inline void fuzz_pin(void)
{
    uint8_t bytes[256];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)(i * 37 + 11);
    libsspi_test_clock(FUZZ_CLOCK);
    MUST(libsspi_test_random(bytes, sizeof bytes));
}

#endif
