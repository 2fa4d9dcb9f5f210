/* SPDX-License-Identifier: Apache-2.0
 *
 * krb5_contexts to borrow. Building one reads the configuration (about 100 microseconds), and one
 * must never serve two threads at once; so they are lent for the length of a call.
 */
#ifndef LIBSSPI_KERBEROS_POOL_H
#define LIBSSPI_KERBEROS_POOL_H

#include <krb5.h>
#include <stdbool.h>

struct sspi_krb_lib {
    krb5_context krb5;
    bool shifted; /* its clock was moved: it is not lent again */
    int64_t born; /* real seconds */
    struct sspi_krb_lib *next;
};

/* Its clock is sspi_now() when the seam pins that. [out] lib: give it back with sspi_krb_return.
 * 0, ENOMEM or what krb5_init_context says. */
krb5_error_code sspi_krb_borrow(struct sspi_krb_lib **lib);
void sspi_krb_return(struct sspi_krb_lib *lib); /* NULL is harmless */

/* Moves the clock of a borrowed context by that many seconds, for one initiator. */
krb5_error_code sspi_krb_shift(struct sspi_krb_lib *lib, int32_t seconds, int32_t microseconds);

#endif
