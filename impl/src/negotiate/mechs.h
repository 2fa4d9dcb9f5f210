/* SPDX-License-Identifier: Apache-2.0
 *
 * The mechanisms Negotiate chooses from, their OIDs and order (MS-SPNG 3.1.5.2), and what a
 * PackageList leaves of them.
 */
#ifndef LIBSSPI_NEGOTIATE_MECHS_H
#define LIBSSPI_NEGOTIATE_MECHS_H

#include "package.h"

enum neg_package {
    NEG_KERBEROS,
    NEG_NTLM,
    NEG_PACKAGES
};

struct neg_mech {
    struct sspi_view oid; /* contents octets */
    enum neg_package package;
};

/* In the order in which they are offered. */
enum {
    NEG_MECH_MS_KERBEROS,
    NEG_MECH_KERBEROS,
    NEG_MECH_NTLM,
    NEG_MECHS
};
extern const struct neg_mech neg_mechs_known[NEG_MECHS];
extern const struct sspi_view neg_oid_spnego;

/* By the contents of an OID; NULL for a mechanism this library does not have (NEGOEX, ...). */
const struct neg_mech *neg_mech_find(struct sspi_view oid);
/* NULL when the package is not in this library. */
const struct sspi_package *neg_package_get(enum neg_package package);

struct neg_choice {
    bool allowed[NEG_PACKAGES];
    bool raw_ntlm; /* the list names NTLM and nothing else: no SPNEGO around it */
};
/* Reads a PackageList ("NTLM", "!Kerberos", ...); NULL or "" allows everything. Names that are
 * not known count as packages that are not there. */
struct neg_choice neg_package_list(const char *list);

#endif
