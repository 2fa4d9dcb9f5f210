/* SPDX-License-Identifier: Apache-2.0
 *
 * The keytab changes while an acceptor runs: what is in the file now counts for new contexts, with
 * the same credential; contexts that are there live on.
 */
#include "kerberos_fixture.h"
#include "leaks.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "kerberos/store.h"
#include "kerberos_note.h"

struct bytes {
    uint8_t data[1024];
    size_t size;
};

static struct world world;
static struct pair old;             /* established with the first key; its credential is used on */
static struct bytes keytab[2];      /* with the first key, and with the second */
static struct bytes both;           /* with both of them */
static struct sspi_blob request[2]; /* AP-REQs under them */

static void read_file(struct bytes *into)
{
    FILE *file = fopen(world_path(&world, "keytab"), "rb");
    CU_ASSERT_FATAL(file != NULL);
    into->size = fread(into->data, 1, sizeof into->data, file);
    fclose(file);
    CU_ASSERT(into->size > 2 && into->size < sizeof into->data);
}

/* Over what the file has, as an editor does that knows no better. */
static void write_in_place(const uint8_t *data, size_t size)
{
    int file = open(world_path(&world, "keytab"), O_WRONLY | O_CREAT, 0600);
    CU_ASSERT_FATAL(file >= 0);
    CU_ASSERT(write(file, data, size) == (ssize_t)size && ftruncate(file, (off_t)size) == 0);
    close(file);
}

static void rename_over(const struct bytes *content)
{
    FILE *file = fopen(world_path(&world, "keytab.new"), "wb");
    CU_ASSERT_FATAL(file && fwrite(content->data, 1, content->size, file) == content->size);
    fclose(file);
    CU_ASSERT_EQUAL(rename(world_path(&world, "keytab.new"), world_path(&world, "keytab")), 0);
}

static void take_request(int which)
{
    struct pair pair;
    pair_acquire(&pair);
    client_leg(&pair, SEALS, WORLD_SERVICE, NULL);
    request[which] = pair.out.output;
    pair.out.output = (struct sspi_blob){NULL, 0};
    pair_free(&pair);
}

static void begin(void)
{
    world_open(&world, ENCTYPE_AES256_CTS_HMAC_SHA1_96);
    pair_acquire(&old);
    CU_ASSERT_TRUE(pair_establish(&old, SEALS, 0));
    for (int which = 0; which < 2; which++) {
        take_request(which);
        read_file(&keytab[which]);
        if (which == 0) {
            world_new_key(&world);
            world_tickets(&world);
        }
    }
    both = keytab[0];
    memcpy(both.data + both.size, keytab[1].data + 2, keytab[1].size - 2); /* without the version */
    both.size += keytab[1].size - 2;
    write_in_place(keytab[0].data, keytab[0].size);
}

static SECURITY_STATUS accepts(int which)
{
    void *context = NULL;
    struct sspi_leg leg = {.req = ASC_REQ_ALLOW_CONTEXT_REPLAY,
                           .has_token = true,
                           .token = sspi_blob_view(&request[which]),
                           .max_output = SIZE_MAX};
    SECURITY_STATUS status = KERBEROS->accept(old.server_credential, &context, &leg);
    sspi_blob_free(&leg.output);
    KERBEROS->free_context(context);
    return status;
}

/* The context of before protects messages; then all is taken down. */
static void end(void)
{
    struct note note;
    note_write(&note, 76, TEXT, sizeof TEXT);
    ASSERT_STATUS(KERBEROS->encrypt(old.client, 0, &note.desc), SEC_E_OK);
    ASSERT_STATUS(KERBEROS->decrypt(old.server, &note.desc, NULL), SEC_E_OK);
    CU_ASSERT_TRUE(note_says(&note, TEXT, sizeof TEXT));
    note_free(&note);
    sspi_blob_free(&request[0]);
    sspi_blob_free(&request[1]);
    pair_free(&old);
    world_close(&world);
}

static void renamed(void)
{
    begin();
    ASSERT_STATUS(accepts(0), SEC_E_OK);
    ASSERT_STATUS(accepts(1), SEC_E_LOGON_DENIED);
    rename_over(&both);
    ASSERT_STATUS(accepts(0), SEC_E_OK); /* tickets that are out stay good */
    ASSERT_STATUS(accepts(1), SEC_E_OK);
    rename_over(&keytab[1]);
    ASSERT_STATUS(accepts(0), SEC_E_LOGON_DENIED);
    ASSERT_STATUS(accepts(1), SEC_E_OK);
    end();
}

static void in_place(void)
{
    begin();
    write_in_place(both.data, both.size);
    ASSERT_STATUS(accepts(0), SEC_E_OK);
    ASSERT_STATUS(accepts(1), SEC_E_OK);
    end();
}

/* As long as before and within one tick of the file system's clock. */
static void at_once(void)
{
    begin();
    CU_ASSERT_EQUAL(keytab[0].size, keytab[1].size);
    for (int turn = 0; turn < 100; turn++) {
        write_in_place(keytab[turn % 2].data, keytab[turn % 2].size);
        ASSERT_STATUS(accepts(turn % 2), SEC_E_OK);
        ASSERT_STATUS(accepts((turn + 1) % 2), SEC_E_LOGON_DENIED);
    }
    end();
}

/* Reads part of an entry, of which libkrb5 1.20 forgets to release the key. */
static SECURITY_STATUS accepts_of_part(int which)
{
    leaks_allowed();
    SECURITY_STATUS status = accepts(which);
    leaks_reported();
    return status;
}

/* Somebody is still writing: what is not there yet is refused, and found when it is. */
static void half_written(void)
{
    begin();
    for (size_t size = 0; size <= both.size; size++) {
        write_in_place(both.data, size);
        bool first = size >= keytab[0].size, second = size == both.size;
        SECURITY_STATUS status = accepts_of_part(0);
        CU_ASSERT_EQUAL(status == SEC_E_OK, first);
        CU_ASSERT(status == SEC_E_OK || status == SEC_E_NO_CREDENTIALS);
        status = accepts_of_part(1);
        CU_ASSERT_EQUAL(status == SEC_E_OK, second);
        CU_ASSERT(status == SEC_E_OK || status == SEC_E_NO_CREDENTIALS ||
                  (first && status == SEC_E_LOGON_DENIED));
        write_in_place(both.data, both.size);
        ASSERT_STATUS(accepts(0), SEC_E_OK);
        ASSERT_STATUS(accepts(1), SEC_E_OK);
    }
    end();
}

/* The same where the clock of the file system has longer steps than here. */
static void young_stamps(void)
{
    static const struct timespec long_ago[2] = {{1700000000, 1}, {1700000000, 1}};
    struct sspi_krb_stamp young, settled;
    world_open(&world, ENCTYPE_AES256_CTS_HMAC_SHA1_96);
    const char *path = world_path(&world, "keytab");
    CU_ASSERT_TRUE(sspi_krb_stamp(path, &young));
    CU_ASSERT_FALSE(sspi_krb_stamp_equal(&young, &young));
    CU_ASSERT_EQUAL(utimensat(AT_FDCWD, path, long_ago, 0), 0);
    CU_ASSERT_TRUE(sspi_krb_stamp(path, &settled));
    CU_ASSERT_TRUE(sspi_krb_stamp_equal(&settled, &settled));
    CU_ASSERT_FALSE(sspi_krb_stamp_equal(&young, &settled));
    world_close(&world);
}

static void gone_for_a_while(void)
{
    begin();
    CU_ASSERT_EQUAL(unlink(world_path(&world, "keytab")), 0);
    ASSERT_STATUS(accepts(0), SEC_E_NO_CREDENTIALS);
    write_in_place(both.data, both.size);
    ASSERT_STATUS(accepts(0), SEC_E_OK);
    ASSERT_STATUS(accepts(1), SEC_E_OK);
    end();
}

SSPI_TESTS({"renamed", renamed}, {"in place", in_place}, {"at once", at_once},
           {"young stamps", young_stamps}, {"half written", half_written},
           {"gone for a while", gone_for_a_while})
