/* SPDX-License-Identifier: Apache-2.0
 *
 * krb5-pins.so: what libkrb5 draws at random (subkeys, sequence numbers, confounders) comes from
 * the bytes that a test pinned in libsspi-test.so, and its clock stands still at the pinned time,
 * so that a recorded exchange can be made again to the byte. For LD_PRELOAD, behind
 * libsspi-test.so; the library itself needs no hook for it.
 */
#include <dlfcn.h>
#include <krb5.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/random.h>

#define EPOCH_DIFFERENCE 11644473600 /* seconds from 1601 to 1970 */

/* Of libsspi-test.so. */
bool libsspi_test_draw(void *bytes, size_t size);
uint64_t libsspi_test_now(void);
krb5_error_code krb5_generate_seq_number(krb5_context krb5, const krb5_keyblock *key,
                                         krb5_ui_4 *number);

static _Thread_local bool aside;

krb5_error_code KRB5_CALLCONV krb5_c_random_make_octets(krb5_context krb5, krb5_data *data)
{
    (void)krb5;
    if (aside)
        return getrandom(data->data, data->length, 0) < 0 ? KRB5_CRYPTO_INTERNAL : 0;
    return libsspi_test_draw(data->data, data->length) ? 0 : KRB5_CRYPTO_INTERNAL;
}

/* libkrb5 would clear the two highest bits, which Windows does not. */
krb5_error_code krb5_generate_seq_number(krb5_context krb5, const krb5_keyblock *key,
                                         krb5_ui_4 *number)
{
    unsigned char bytes[4];
    (void)krb5;
    (void)key;
    if (!libsspi_test_draw(bytes, sizeof bytes))
        return KRB5_CRYPTO_INTERNAL;
    *number =
        (krb5_ui_4)bytes[0] << 24 | (krb5_ui_4)bytes[1] << 16 | (krb5_ui_4)bytes[2] << 8 | bytes[3];
    return 0;
}

/* A ticket cache in memory has a random name and table, which are none of the exchange. */
krb5_error_code KRB5_CALLCONV krb5_cc_new_unique(krb5_context krb5, const char *type,
                                                 const char *hint, krb5_ccache *cache)
{
    krb5_error_code (*real)(krb5_context, const char *, const char *, krb5_ccache *) =
        (krb5_error_code(*)(krb5_context, const char *, const char *, krb5_ccache *))dlsym(
            RTLD_NEXT, "krb5_cc_new_unique");
    aside = true;
    krb5_error_code error = real ? real(krb5, type, hint, cache) : KRB5_CRYPTO_INTERNAL;
    aside = false;
    return error;
}

/* The library sets libkrb5's clock when it borrows it; from there on it would run. */
krb5_error_code KRB5_CALLCONV krb5_us_timeofday(krb5_context krb5, krb5_timestamp *seconds,
                                                krb5_int32 *fraction)
{
    uint64_t now = libsspi_test_now();
    (void)krb5;
    *seconds = (krb5_timestamp)(uint32_t)(now / 10000000 - EPOCH_DIFFERENCE);
    *fraction = (krb5_int32)(now / 10 % 1000000);
    return 0;
}
