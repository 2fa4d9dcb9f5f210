/* SPDX-License-Identifier: Apache-2.0
 *
 * The PAC in a ticket. libkrb5 checks it too, but lets the client in whatever it finds.
 */
#include "pac.h"

#include <errno.h>

static krb5_error_code verify(krb5_context krb5, const krb5_authdata *element,
                              const krb5_ticket *ticket, const krb5_keyblock *key)
{
    krb5_pac pac;
    krb5_error_code error = krb5_pac_parse(krb5, element->contents, element->length, &pac);
    if (error)
        return error;
    error = krb5_pac_verify(krb5, pac, ticket->enc_part2->times.authtime, ticket->enc_part2->client,
                            key, NULL);
    krb5_pac_free(krb5, pac);
    return error;
}

/* krb5_rd_req has put the principal whose key opened the ticket in its place. A ticket may name
 * another version of the key than the keytab does. */
static krb5_error_code find_key(krb5_context krb5, krb5_keytab keys, const krb5_ticket *ticket,
                                krb5_keytab_entry *entry)
{
    krb5_error_code error = krb5_kt_get_entry(krb5, keys, ticket->server, ticket->enc_part.kvno,
                                              ticket->enc_part.enctype, entry);
    if (error && error != ENOMEM)
        error = krb5_kt_get_entry(krb5, keys, ticket->server, 0, ticket->enc_part.enctype, entry);
    return error;
}

krb5_error_code sspi_krb_check_pac(krb5_context krb5, krb5_keytab keys,
                                   const krb5_keyblock *tgt_key, const krb5_ticket *ticket)
{
    krb5_authdata **found = NULL;
    krb5_keytab_entry entry = {0};

    krb5_error_code error = krb5_find_authdata(krb5, ticket->enc_part2->authorization_data, NULL,
                                               KRB5_AUTHDATA_WIN2K_PAC, &found);
    if (error || !found)
        return error;
    if (!tgt_key)
        error = find_key(krb5, keys, ticket, &entry);
    for (size_t i = 0; !error && found[i]; i++)
        error = verify(krb5, found[i], ticket, tgt_key ? tgt_key : &entry.key);
    krb5_free_keytab_entry_contents(krb5, &entry);
    krb5_free_authdata(krb5, found);
    return error && error != ENOMEM ? KRB5KRB_AP_ERR_MODIFIED : error;
}
