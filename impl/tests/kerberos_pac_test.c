/* SPDX-License-Identifier: Apache-2.0
 *
 * pac.c: tickets with a PAC that is right, that another key signed, that tells of another client.
 */
#include "kerberos_fixture.h"

static struct world world;
static struct pair pair;

struct made {
    const char *client; /* whom the PAC tells of */
    bool other_key;     /* not the service's */
    size_t cut;         /* octets off its end */
    int flip;           /* an octet to change, or -1 */
    bool bare;          /* not inside AD-IF-RELEVANT */
};

static krb5_authdata **pac(const struct made *made)
{
    krb5_pac pac;
    krb5_principal client;
    krb5_keyblock other;
    krb5_data bytes;
    krb5_authdata **container;

    MUST(krb5_pac_init(world.krb5, &pac));
    MUST(krb5_parse_name(world.krb5, made->client, &client));
    MUST(krb5_c_make_random_key(world.krb5, world.key.enctype, &other));
    MUST(krb5_pac_sign(world.krb5, pac, (krb5_timestamp)world.start, client,
                       made->other_key ? &other : &world.key, &other, &bytes));
    if (made->flip >= 0)
        bytes.data[made->flip] ^= 1;
    krb5_authdata element = {.ad_type = KRB5_AUTHDATA_WIN2K_PAC,
                             .length = bytes.length - (unsigned)made->cut,
                             .contents = (krb5_octet *)bytes.data};
    krb5_authdata *list[] = {&element, NULL};
    if (made->bare)
        MUST(krb5_copy_authdata(world.krb5, list, &container));
    else
        MUST(krb5_encode_authdata_container(world.krb5, KRB5_AUTHDATA_IF_RELEVANT, list,
                                            &container));
    krb5_free_data_contents(world.krb5, &bytes);
    krb5_free_keyblock_contents(world.krb5, &other);
    krb5_free_principal(world.krb5, client);
    krb5_pac_free(world.krb5, pac);
    return container;
}

/* The acceptor's answer to a ticket with this PAC. */
static SECURITY_STATUS answer_to(struct made made)
{
    world_open(&world, ENCTYPE_AES256_CTS_HMAC_SHA1_96);
    world.authorization = pac(&made);
    world_tickets(&world);
    pair_acquire(&pair);
    client_leg(&pair, 0, WORLD_SERVICE, NULL);
    SECURITY_STATUS status = server_leg(&pair, 0, NULL);
    pair_free(&pair);
    krb5_free_authdata(world.krb5, world.authorization);
    world_close(&world);
    return status;
}

static void right(void)
{
    ASSERT_STATUS(answer_to((struct made){.client = WORLD_CLIENT, .flip = -1}), SEC_E_OK);
    ASSERT_STATUS(answer_to((struct made){.client = WORLD_CLIENT, .flip = -1, .bare = true}),
                  SEC_E_OK);
}

static void signed_by_another_key(void)
{
    ASSERT_STATUS(answer_to((struct made){.client = WORLD_CLIENT, .flip = -1, .other_key = true}),
                  SEC_E_LOGON_DENIED);
    ASSERT_STATUS(answer_to((struct made){
                      .client = WORLD_CLIENT, .flip = -1, .other_key = true, .bare = true}),
                  SEC_E_LOGON_DENIED);
}

static void of_another_client(void)
{
    ASSERT_STATUS(answer_to((struct made){.client = "mallory@" WORLD_REALM, .flip = -1}),
                  SEC_E_LOGON_DENIED);
}

/* Behind the table of its buffers every octet but those of the signatures is signed. */
static void altered(void)
{
    CU_ASSERT_TRUE(answer_to((struct made){.client = WORLD_CLIENT, .flip = 66}) != SEC_E_OK);
    CU_ASSERT_TRUE(answer_to((struct made){.client = WORLD_CLIENT, .flip = 0}) != SEC_E_OK);
}

static void cut(void)
{
    for (size_t cut = 1; cut < 60; cut += 7)
        CU_ASSERT_TRUE(answer_to((struct made){.client = WORLD_CLIENT, .flip = -1, .cut = cut}) !=
                       SEC_E_OK);
}

/* The keytab knows the key under another version than the ticket names. */
static void version_of_the_key(void)
{
    struct made made = {.client = WORLD_CLIENT, .flip = -1};
    krb5_keytab keytab;
    krb5_keytab_entry entry = {.vno = 4};

    world_open(&world, ENCTYPE_AES256_CTS_HMAC_SHA1_96);
    world.authorization = pac(&made);
    world_tickets(&world);
    unlink(world_path(&world, "keytab"));
    MUST(krb5_kt_default(world.krb5, &keytab));
    MUST(krb5_parse_name(world.krb5, WORLD_SERVICE "@" WORLD_REALM, &entry.principal));
    entry.key = world.key;
    MUST(krb5_kt_add_entry(world.krb5, keytab, &entry));
    krb5_free_principal(world.krb5, entry.principal);
    krb5_kt_close(world.krb5, keytab);
    pair_acquire(&pair);
    client_leg(&pair, 0, WORLD_SERVICE, NULL);
    ASSERT_STATUS(server_leg(&pair, 0, NULL), SEC_E_OK);
    pair_free(&pair);
    krb5_free_authdata(world.krb5, world.authorization);
    world_close(&world);
}

SSPI_TESTS({"right", right}, {"signed by another key", signed_by_another_key},
           {"of another client", of_another_client}, {"altered", altered}, {"cut", cut},
           {"version of the key", version_of_the_key})
