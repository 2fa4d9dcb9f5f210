/* SPDX-License-Identifier: Apache-2.0
 *
 * The accounts file in memory.
 *
 * A logon costs one stat: the file is read again only when it is another one. A file changed
 * within the granularity of its time stamp just after it was read would look the same, so a file
 * that was young when it was read is not trusted (the way git treats its index).
 */
#include "authority/accounts.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "authority/status.h"
#include "env.h"
#include "error.h"
#include "memory.h"
#include "text.h"

/* The one file in memory: a process has one configuration. Under `lock`. */
static struct {
    char *path;
    struct stat id;
    bool young;
    struct sspi_account *rows; /* sorted by key */
    size_t count, room;
} cache;
static pthread_rwlock_t lock = PTHREAD_RWLOCK_INITIALIZER;

static void empty_cache(void)
{
    for (size_t i = 0; i < cache.count; i++)
        sspi_account_clear(&cache.rows[i]);
    sspi_free(cache.rows);
    sspi_free(cache.path);
    memset(&cache, 0, sizeof cache);
}

static bool append(struct sspi_account *account)
{
    if (cache.count == cache.room) {
        size_t room = cache.room ? 2 * cache.room : 16;
        struct sspi_account *rows = sspi_alloc(room * sizeof *rows);
        if (!rows)
            return false;
        if (cache.count)
            memcpy(rows, cache.rows, cache.count * sizeof *rows);
        sspi_free_secret(cache.rows, cache.count * sizeof *rows);
        cache.rows = rows;
        cache.room = room;
    }
    cache.rows[cache.count++] = *account;
    return true;
}

static int by_key(const void *a, const void *b)
{
    const struct sspi_account *one = a, *other = b;
    return strcmp(one->key, other->key);
}

static uint32_t read_rows(FILE *file, const char *path)
{
    char *line = NULL;
    size_t room = 0;
    uint32_t nt = SSPI_NT_OK;

    for (unsigned number = 1; nt == SSPI_NT_OK && getline(&line, &room, file) >= 0; number++) {
        struct sspi_account account = {0};
        line[strcspn(line, "\n")] = 0;
        switch (sspi_account_read(line, &account)) {
        case SSPI_ACCOUNT_READ:
            if (!append(&account)) {
                sspi_account_clear(&account);
                nt = SSPI_NT_NO_MEMORY;
            }
            break;
        case SSPI_ACCOUNT_COMMENT:
            break;
        case SSPI_ACCOUNT_BROKEN:
            sspi_error_set("%s, line %u: not a line of smbpasswd format", path, number);
            nt = SSPI_NT_INTERNAL_DB_CORRUPTION;
            break;
        case SSPI_ACCOUNT_NO_MEMORY:
            nt = SSPI_NT_NO_MEMORY;
            break;
        }
        sspi_wipe(line, room);
    }
    /* getline also ends for want of memory, which is no mark on the file. */
    if (nt == SSPI_NT_OK && !feof(file))
        nt = errno == ENOMEM ? SSPI_NT_NO_MEMORY : SSPI_NT_NO_LOGON_SERVERS;
    free(line);
    return nt;
}

static uint32_t load(const char *path)
{
    uint32_t nt = SSPI_NT_NO_LOGON_SERVERS;
    FILE *file = fopen(path, "re");

    empty_cache();
    if (!file || fstat(fileno(file), &cache.id) != 0) {
        sspi_error_set("cannot read the accounts in %s: %s", path, strerror(errno));
        goto out;
    }
    cache.young = sspi_file_is_young(&cache.id);
    cache.path = sspi_strdup(path);
    nt = cache.path ? read_rows(file, path) : SSPI_NT_NO_MEMORY;
    if (nt == SSPI_NT_OK && cache.count)
        qsort(cache.rows, cache.count, sizeof *cache.rows, by_key);
out:
    if (file)
        fclose(file);
    if (nt != SSPI_NT_OK)
        empty_cache();
    return nt;
}

static bool is_current(const char *path)
{
    struct stat now;
    return cache.path && !cache.young && strcmp(cache.path, path) == 0 && stat(path, &now) == 0 &&
           now.st_dev == cache.id.st_dev && now.st_ino == cache.id.st_ino &&
           now.st_size == cache.id.st_size && now.st_mtim.tv_sec == cache.id.st_mtim.tv_sec &&
           now.st_mtim.tv_nsec == cache.id.st_mtim.tv_nsec &&
           now.st_ctim.tv_sec == cache.id.st_ctim.tv_sec &&
           now.st_ctim.tv_nsec == cache.id.st_ctim.tv_nsec;
}

static uint32_t copy_row(char *key, struct sspi_account *account)
{
    struct sspi_account wanted = {.key = key};
    const struct sspi_account *row =
        cache.count ? bsearch(&wanted, cache.rows, cache.count, sizeof *cache.rows, by_key) : NULL;
    if (!row)
        return SSPI_NT_NO_SUCH_USER;
    *account = *row;
    account->key = NULL;
    account->name = sspi_strdup(row->name);
    if (account->name)
        return SSPI_NT_OK;
    sspi_account_clear(account);
    return SSPI_NT_NO_MEMORY;
}

uint32_t sspi_accounts_find(const char *path, const char *name, struct sspi_account *account)
{
    memset(account, 0, sizeof *account);
    char *key = sspi_upper(name);
    if (!key)
        return SSPI_NT_NO_MEMORY;
    uint32_t nt = SSPI_NT_OK;
    /* Logons look together; only who reads the file again is alone. */
    pthread_rwlock_rdlock(&lock);
    bool current = is_current(path);
    if (current)
        nt = copy_row(key, account);
    pthread_rwlock_unlock(&lock);
    if (!current) {
        pthread_rwlock_wrlock(&lock);
        if (!is_current(path)) /* nobody else did meanwhile */
            nt = load(path);
        if (nt == SSPI_NT_OK)
            nt = copy_row(key, account);
        pthread_rwlock_unlock(&lock);
    }
    sspi_free(key);
    return nt;
}
