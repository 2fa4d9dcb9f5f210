/* SPDX-License-Identifier: Apache-2.0
 *
 * For tests that need NTLM accounts: a settings file and an accounts file in a temporary folder,
 * named by LIBSSPI_CONFIG, with the account "anna" and the password "Secret123!".
 */
#ifndef LIBSSPI_TESTS_WORLD_H
#define LIBSSPI_TESTS_WORLD_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "digest.h"
#include "text.h"

static char world_folder[] = "/tmp/libsspi-test-XXXXXX";
static char world_config[64], world_accounts[64];

static void world_end(void)
{
    unlink(world_config);
    unlink(world_accounts);
    rmdir(world_folder);
}

/* Once per program; it exits when the files cannot be made. */
static void world_begin(void)
{
    struct sspi_blob password;
    uint8_t hash[16];
    static int begun;
    if (begun++)
        return;
    if (!mkdtemp(world_folder) || !sspi_utf16_blob("Secret123!", &password))
        exit(2);
    sspi_md4(sspi_blob_view(&password), hash);
    sspi_blob_free(&password);
    snprintf(world_config, sizeof world_config, "%s/libsspi.conf", world_folder);
    snprintf(world_accounts, sizeof world_accounts, "%s/accounts", world_folder);
    FILE *file = fopen(world_accounts, "w");
    if (!file)
        exit(2);
    fprintf(file, "anna:1000:XXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXX:");
    for (int i = 0; i < 16; i++)
        fprintf(file, "%02X", hash[i]);
    fprintf(file, ":[U          ]:LCT-60000000:\n");
    fclose(file);
    chmod(world_accounts, 0600);
    file = fopen(world_config, "w");
    if (!file)
        exit(2);
    fprintf(file,
            "[ntlm]\nauthority = file\naccounts = %s\nnetbios-name = SERVER\n"
            "netbios-domain = WORLD\ndns-name = server.world.test\ndns-domain = world.test\n",
            world_accounts);
    fclose(file);
    setenv("LIBSSPI_CONFIG", world_config, 1);
    atexit(world_end);
}

#endif
