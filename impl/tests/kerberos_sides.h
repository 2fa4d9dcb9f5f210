/* SPDX-License-Identifier: Apache-2.0
 *
 * Both sides of a Kerberos exchange through the SSPI calls, in a realm without a KDC.
 */
#ifndef LIBSSPI_TESTS_KERBEROS_SIDES_H
#define LIBSSPI_TESTS_KERBEROS_SIDES_H

#include "exchange.h"
#include "kerberos_repair.h"

static struct fuzz_realm realm;
static struct side client, server;

static void acquire(void)
{
    char package[] = "Kerberos";
    fuzz_realm_open(&realm, ENCTYPE_AES256_CTS_HMAC_SHA1_96);
    ASSERT_STATUS(AcquireCredentialsHandleA(NULL, package, SECPKG_CRED_OUTBOUND, NULL, NULL, NULL,
                                            NULL, &client.credential, NULL),
                  SEC_E_OK);
    ASSERT_STATUS(AcquireCredentialsHandleA(NULL, package, SECPKG_CRED_INBOUND, NULL, NULL, NULL,
                                            NULL, &server.credential, NULL),
                  SEC_E_OK);
}

static void release(void)
{
    finish(&client);
    finish(&server);
    krb5_free_keyblock_contents(realm.world.krb5, &realm.tgt_key);
    krb5_free_keyblock_contents(realm.world.krb5, &realm.session);
    krb5_free_keyblock_contents(realm.world.krb5, &realm.world.key);
    krb5_free_context(realm.world.krb5);
}

static void drop(struct side *side)
{
    if (side->has_context)
        ASSERT_STATUS(DeleteSecurityContext(&side->context), SEC_E_OK);
    side->has_context = 0;
}

#endif
