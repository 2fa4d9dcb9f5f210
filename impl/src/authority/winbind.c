/* SPDX-License-Identifier: Apache-2.0
 *
 * The domain's authority: Samba's winbindd, through libwbclient. The library is loaded when the
 * first logon needs it, so that libsspi installs and runs without Samba.
 */
#include "authority/authority.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdbool.h>
#include <string.h>

#include "authority/status.h"
#include "env.h"
#include "error.h"

#if __has_include(<wbclient.h>)
#include <wbclient.h>
#define HAVE_WBCLIENT 1
#elif __has_include(<samba-4.0/wbclient.h>) /* where Debian puts it */
#include <samba-4.0/wbclient.h>
#define HAVE_WBCLIENT 1
#endif

#ifdef HAVE_WBCLIENT

#define SONAME "libwbclient.so.0"
#define IDLE_MAX 8

static struct {
    struct wbcContext *(*create)(void);
    void (*destroy)(struct wbcContext *);
    wbcErr (*authenticate)(struct wbcContext *, const struct wbcAuthUserParams *,
                           struct wbcAuthUserInfo **, struct wbcAuthErrorInfo **);
    void (*release)(void *);
    bool ready;
} wbc;
static pthread_once_t loaded = PTHREAD_ONCE_INIT;

/* A wbcContext is one connection and serves one thread at a time. */
static struct wbcContext *idle[IDLE_MAX];
static size_t idle_count;
static pthread_mutex_t idle_lock = PTHREAD_MUTEX_INITIALIZER;

static bool find(void *library, const char *name, void *function)
{
    void *symbol = dlsym(library, name);
    memcpy(function, &symbol, sizeof symbol); /* ISO C has no cast from void * to a function */
    return symbol != NULL;
}

static void load(void)
{
    void *library = dlopen(SONAME, RTLD_NOW | RTLD_LOCAL);
    wbc.ready = library && find(library, "wbcCtxCreate", &wbc.create) &&
                find(library, "wbcCtxFree", &wbc.destroy) &&
                find(library, "wbcCtxAuthenticateUserEx", &wbc.authenticate) &&
                find(library, "wbcFreeMemory", &wbc.release);
}

static struct wbcContext *take(void)
{
    struct wbcContext *context = NULL;
    pthread_mutex_lock(&idle_lock);
    if (idle_count)
        context = idle[--idle_count];
    pthread_mutex_unlock(&idle_lock);
    return context ? context : wbc.create();
}

static void give_back(struct wbcContext *context)
{
    pthread_mutex_lock(&idle_lock);
    bool keep = idle_count < IDLE_MAX;
    if (keep)
        idle[idle_count++] = context;
    pthread_mutex_unlock(&idle_lock);
    if (!keep)
        wbc.destroy(context);
}

/* What no NTSTATUS came with. */
static uint32_t nt_of(wbcErr error)
{
    switch (error) {
    case WBC_ERR_NO_MEMORY:
        return SSPI_NT_NO_MEMORY;
    case WBC_ERR_WINBIND_NOT_AVAILABLE:
        sspi_error_set("winbindd does not answer; is it running?");
        return SSPI_NT_NO_LOGON_SERVERS;
    case WBC_ERR_DOMAIN_NOT_FOUND:
        return SSPI_NT_NO_SUCH_DOMAIN;
    case WBC_ERR_UNKNOWN_USER:
        return SSPI_NT_NO_SUCH_USER;
    case WBC_ERR_AUTH_ERROR:
        return SSPI_NT_LOGON_FAILURE;
    default:
        sspi_error_set("winbindd: error %d of libwbclient", (int)error);
        return SSPI_NT_INTERNAL_ERROR;
    }
}

static uint32_t keep(const struct wbcAuthUserInfo *info, struct sspi_logon *logon)
{
    logon->account = sspi_strdup(info->account_name ? info->account_name : logon->user);
    logon->account_domain = sspi_strdup(info->domain_name ? info->domain_name : logon->domain);
    if (!logon->account || !logon->account_domain) {
        sspi_free(logon->account);
        sspi_free(logon->account_domain);
        logon->account = logon->account_domain = NULL;
        return SSPI_NT_NO_MEMORY;
    }
    memcpy(logon->session_base_key, info->user_session_key, sizeof logon->session_base_key);
    /* Seconds; "never" is the largest time_t or FILETIME, depending on where Samba got it. */
    if (info->pass_must_change_time && info->pass_must_change_time < INT32_MAX)
        logon->password_expires = sspi_unix_to_filetime((int64_t)info->pass_must_change_time);
    return SSPI_NT_OK;
}

static uint32_t ask(struct wbcContext *context, struct sspi_logon *logon)
{
    struct wbcAuthUserInfo *info = NULL;
    struct wbcAuthErrorInfo *refusal = NULL;
    struct wbcAuthUserParams params = {
        .account_name = logon->user,
        .domain_name = logon->domain,
        .workstation_name = logon->workstation,
        .level = WBC_AUTH_USER_LEVEL_RESPONSE,
        /* A network logon is open to the accounts of machines, as on Windows. */
        .parameter_control =
            WBC_MSV1_0_ALLOW_WORKSTATION_TRUST_ACCOUNT | WBC_MSV1_0_ALLOW_SERVER_TRUST_ACCOUNT,
        .password.response =
            {
                .nt_length = (uint32_t)logon->nt.size,
                .nt_data = (uint8_t *)(uintptr_t)logon->nt.data, /* read only, by its contract */
                .lm_length = (uint32_t)logon->lm.size,
                .lm_data = (uint8_t *)(uintptr_t)logon->lm.data,
            },
    };
    memcpy(params.password.response.challenge, logon->challenge,
           sizeof params.password.response.challenge);
    wbcErr error = wbc.authenticate(context, &params, &info, &refusal);
    uint32_t nt;
    if (error == WBC_ERR_SUCCESS && info)
        nt = keep(info, logon);
    else if (refusal && refusal->nt_status)
        nt = refusal->nt_status;
    else
        nt = nt_of(error == WBC_ERR_SUCCESS ? WBC_ERR_INVALID_RESPONSE : error);
    if (info)
        sspi_wipe(info->user_session_key, sizeof info->user_session_key);
    wbc.release(info);
    wbc.release(refusal);
    return nt;
}

uint32_t sspi_authority_winbind(const struct sspi_config *config, struct sspi_logon *logon)
{
    (void)config;
    pthread_once(&loaded, load);
    if (!wbc.ready) {
        sspi_error_set("cannot load %s: install libwbclient0, or set 'authority = file'", SONAME);
        return SSPI_NT_NO_LOGON_SERVERS;
    }
    struct wbcContext *context = take();
    if (!context)
        return SSPI_NT_NO_MEMORY;
    uint32_t nt = ask(context, logon);
    give_back(context);
    return nt;
}

#else /* built without wbclient.h */

uint32_t sspi_authority_winbind(const struct sspi_config *config, struct sspi_logon *logon)
{
    (void)config;
    (void)logon;
    sspi_error_set("this libsspi was built without libwbclient-dev: set 'authority = file'");
    return SSPI_NT_NO_LOGON_SERVERS;
}

#endif
