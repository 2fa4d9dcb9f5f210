/* SPDX-License-Identifier: Apache-2.0
 *
 * The realm of Kerberos fuzz targets.
 */
#include <fcntl.h>

#include "kerberos_repair.h"

const uint8_t fuzz_tgt_request[56] = {
    0x60, 0x36, 0x06, 0x0a, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x12, 0x01, 0x02, 0x02, 0x03,
    0x04, 0x00, 0x30, 0x26, 0xa0, 0x03, 0x02, 0x01, 0x05, 0xa1, 0x03, 0x02, 0x01, 0x10,
    0xa2, 0x1a, 0x30, 0x18, 0xa0, 0x03, 0x02, 0x01, 0x02, 0xa1, 0x11, 0x30, 0x0f, 0x1b,
    0x08, 'H',  'T',  'T',  'P',  'w',  'e',  'b',  '1',  0x1b, 0x03, 'o',  'n',  'e'};

/* Gives the variable a name of the file that holds when the file has none. */
static void keep_open(const struct world *world, const char *variable, const char *type,
                      const char *file)
{
    char name[64];
    int descriptor = open(world_path(world, file), O_RDWR);
    if (descriptor < 0)
        abort();
    snprintf(name, sizeof name, "%s/proc/self/fd/%d", type, descriptor);
    setenv(variable, name, 1);
}

static void learn_tgt_key(struct fuzz_realm *realm)
{
    krb5_context krb5 = realm->world.krb5;
    krb5_ccache cache;
    krb5_creds wanted = {0}, tgt;
    WORLD_MUST(krb5_cc_default(krb5, &cache));
    WORLD_MUST(krb5_parse_name(krb5, WORLD_CLIENT, &wanted.client));
    WORLD_MUST(krb5_parse_name(krb5, "krbtgt/" WORLD_REALM "@" WORLD_REALM, &wanted.server));
    WORLD_MUST(krb5_cc_retrieve_cred(krb5, cache, 0, &wanted, &tgt));
    WORLD_MUST(krb5_copy_keyblock_contents(krb5, &tgt.keyblock, &realm->tgt_key));
    krb5_free_cred_contents(krb5, &tgt);
    krb5_free_cred_contents(krb5, &wanted);
    krb5_cc_close(krb5, cache);
}

void fuzz_realm_open(struct fuzz_realm *realm, krb5_enctype enctype)
{
    static const char *const files[] = {"keytab", "cache", "krb5.conf"};
    memset(realm, 0, sizeof *realm);
    world_open(&realm->world, enctype);
    world_tgt(&realm->world);
    learn_tgt_key(realm);
    keep_open(&realm->world, "KRB5_KTNAME", "FILE:", "keytab");
    keep_open(&realm->world, "KRB5CCNAME", "FILE:", "cache");
    keep_open(&realm->world, "KRB5_CONFIG", "", "krb5.conf");
    setenv("KRB5RCACHENAME", "none:", 1);
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++)
        unlink(world_path(&realm->world, files[i]));
    if (rmdir(realm->world.folder) != 0)
        abort();
}
