/* SPDX-License-Identifier: Apache-2.0
 *
 * Numbers of MS-NLMP and little-endian access to bytes at any alignment.
 */
#ifndef LIBSSPI_NTLM_WIRE_H
#define LIBSSPI_NTLM_WIRE_H

#include <stdint.h>

/* NegotiateFlags, MS-NLMP 2.2.2.5. */
#define NTLM_UNICODE 0x00000001u
#define NTLM_OEM 0x00000002u
#define NTLM_REQUEST_TARGET 0x00000004u
#define NTLM_SIGN 0x00000010u
#define NTLM_SEAL 0x00000020u
#define NTLM_DATAGRAM 0x00000040u
#define NTLM_LM_KEY 0x00000080u
#define NTLM_NTLM 0x00000200u
#define NTLM_ANONYMOUS 0x00000800u
#define NTLM_ALWAYS_SIGN 0x00008000u
#define NTLM_TARGET_TYPE_DOMAIN 0x00010000u
#define NTLM_TARGET_TYPE_SERVER 0x00020000u
#define NTLM_ESS 0x00080000u /* extended session security */
#define NTLM_IDENTIFY 0x00100000u
#define NTLM_TARGET_INFO 0x00800000u
#define NTLM_VERSION 0x02000000u
#define NTLM_128 0x20000000u
#define NTLM_KEY_EXCH 0x40000000u
#define NTLM_56 0x80000000u

#define NTLM_VERSION_SIZE                                                                          \
    8 /* VERSION, MS-NLMP 2.2.2.10; some peers refuse a message without one                        \
       */

#define NTLM_MAX_TOKEN 2888 /* attrfact.maxtoken, trig.ntlm.too-big-token */
#define NTLM_SIGNATURE_SIZE 16
#define NTLM_KEY_SIZE 16

static inline uint16_t ntlm_get16(const uint8_t *at)
{
    return (uint16_t)(at[0] | at[1] << 8);
}

static inline uint32_t ntlm_get32(const uint8_t *at)
{
    return at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

static inline uint64_t ntlm_get64(const uint8_t *at)
{
    return ntlm_get32(at) | (uint64_t)ntlm_get32(at + 4) << 32;
}

static inline void ntlm_put16(uint8_t *at, uint16_t value)
{
    at[0] = (uint8_t)value;
    at[1] = (uint8_t)(value >> 8);
}

static inline void ntlm_put32(uint8_t *at, uint32_t value)
{
    ntlm_put16(at, (uint16_t)value);
    ntlm_put16(at + 2, (uint16_t)(value >> 16));
}

static inline void ntlm_put64(uint8_t *at, uint64_t value)
{
    ntlm_put32(at, (uint32_t)value);
    ntlm_put32(at + 4, (uint32_t)(value >> 32));
}

#endif
