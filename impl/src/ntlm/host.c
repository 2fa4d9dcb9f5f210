/* SPDX-License-Identifier: Apache-2.0
 *
 * Who this machine is.
 */
#include "ntlm/host.h"

#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include "digest.h"
#include "ntlm/wire.h"

#define MACHINE_ID_OFFSET 16
#define HIGH_INTEGRITY 0x3000 /* as a service or an administrator has it; nothing reads it here */

static uint8_t machine_id[32];
static pthread_once_t known = PTHREAD_ONCE_INIT;

/* MS-NLMP wants 256 random bits made when the machine starts. The kernel's boot id is 122 such
 * bits; hashed, so that the wire does not show it. Not from sspi_random: a process that pins its
 * randomness would otherwise see other bytes in its first handshake than in the rest. */
static void find_out(void)
{
    char boot[64];
    int file = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
    ssize_t size = file < 0 ? -1 : read(file, boot, sizeof boot);
    if (file >= 0)
        close(file);
    if (size <= 0)
        return;
    for (unsigned half = 0; half < 2; half++) {
        uint8_t which = (uint8_t)half;
        struct sspi_view parts[] = {
            {(const uint8_t *)"libsspi single host", 19},
            {&which, 1},
            {(const uint8_t *)boot, (size_t)size},
        };
        sspi_md5(parts, 3, machine_id + 16 * half);
    }
}

void ntlm_single_host(uint8_t out[NTLM_SINGLE_HOST_SIZE])
{
    pthread_once(&known, find_out);
    memset(out, 0, MACHINE_ID_OFFSET);
    ntlm_put32(out, NTLM_SINGLE_HOST_SIZE);
    ntlm_put32(out + 12, HIGH_INTEGRITY);
    memcpy(out + MACHINE_ID_OFFSET, machine_id, sizeof machine_id);
}
