/* SPDX-License-Identifier: Apache-2.0
 *
 * OIDs, order, and the PackageList.
 */
#include "mechs.h"

#include <string.h>
#include <strings.h>

#define OID(octets)                                                                                \
    {                                                                                              \
        (const uint8_t *)octets, sizeof octets - 1                                                 \
    }

/* 1.3.6.1.5.5.2 */
const struct sspi_view neg_oid_spnego = OID("\x2b\x06\x01\x05\x05\x02");

/* 1.2.840.48018.1.2.2 is Kerberos under the number Windows 2000 gave it by mistake; Windows
 * still lists it first (fact.mech-oid-krb). */
const struct neg_mech neg_mechs_known[NEG_MECHS] = {
    [NEG_MECH_MS_KERBEROS] = {OID("\x2a\x86\x48\x82\xf7\x12\x01\x02\x02"), NEG_KERBEROS},
    [NEG_MECH_KERBEROS] = {OID("\x2a\x86\x48\x86\xf7\x12\x01\x02\x02"), NEG_KERBEROS},
    [NEG_MECH_NTLM] = {OID("\x2b\x06\x01\x04\x01\x82\x37\x02\x02\x0a"), NEG_NTLM},
};

static const char *const names[NEG_PACKAGES] = {[NEG_KERBEROS] = "Kerberos", [NEG_NTLM] = "NTLM"};

const struct neg_mech *neg_mech_find(struct sspi_view oid)
{
    for (size_t i = 0; i < NEG_MECHS; i++) {
        const struct neg_mech *mech = &neg_mechs_known[i];
        if (oid.size == mech->oid.size && memcmp(oid.data, mech->oid.data, oid.size) == 0)
            return mech;
    }
    return NULL;
}

const struct sspi_package *neg_package_get(enum neg_package package)
{
    return sspi_package_find(names[package]);
}

/* One entry of the list, without the white space around it. */
static bool is_name(const char *entry, size_t size, const char *name)
{
    return strlen(name) == size && strncasecmp(entry, name, size) == 0;
}

struct neg_choice neg_package_list(const char *list)
{
    bool named[NEG_PACKAGES] = {false}, excluded[NEG_PACKAGES] = {false};
    size_t positive = 0;

    while (list && *list) {
        list += strspn(list, " \t,");
        size_t size = strcspn(list, ",");
        const char *next = list + size;
        bool exclude = *list == '!';
        list += exclude;
        size -= exclude;
        while (size && (list[size - 1] == ' ' || list[size - 1] == '\t'))
            size--;
        for (int p = 0; p < NEG_PACKAGES; p++) {
            if (is_name(list, size, names[p]))
                *(exclude ? &excluded[p] : &named[p]) = true;
        }
        positive += !exclude && size;
        list = next;
    }
    struct neg_choice choice = {.raw_ntlm = positive == 1 && named[NEG_NTLM]};
    for (int p = 0; p < NEG_PACKAGES; p++)
        choice.allowed[p] = (positive == 0 || named[p]) && !excluded[p];
    return choice;
}
