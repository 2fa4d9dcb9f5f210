/* SPDX-License-Identifier: Apache-2.0
 *
 * Reading libsspi.conf: sections in brackets, "key = value" lines, comments behind # or ;.
 * A line that is not understood is an error: a misspelt key must not silently mean a default.
 */
#include "config.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "error.h"
#include "memory.h"
#include "text.h"

#define DEFAULT_FILE "/etc/libsspi.conf"
#define NETBIOS_NAME_LENGTH 15
#define DEFAULT_VERSION "10.0.17763" /* Server 2019. Peers do not act on it (MS-NLMP 2.2.2.10) */
#define DEFAULT_AV_TAIL 4            /* as most recorded Windows; others send 8 */
#define MAX_AV_TAIL 16

struct reader {
    const char *file;
    unsigned line;
    bool in_ntlm;
    struct sspi_config *config;
};

__attribute__((format(printf, 2, 3))) static SECURITY_STATUS broken(const struct reader *reader,
                                                                    const char *format, ...)
{
    char reason[256];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(reason, sizeof reason, format, arguments);
    va_end(arguments);
    sspi_error_set("%s, line %u: %s", reader->file, reader->line, reason);
    return SEC_E_INTERNAL_ERROR;
}

static SECURITY_STATUS replace(char **setting, const char *value)
{
    char *copy = sspi_strdup(value);
    if (!copy)
        return SEC_E_INSUFFICIENT_MEMORY;
    sspi_free(*setting);
    *setting = copy;
    return SEC_E_OK;
}

/* "10.0.17763" as VERSION: major, minor, build (16 bits), reserved, NTLMSSP_REVISION_W2K3. */
static bool set_version(struct sspi_config *config, const char *value)
{
    unsigned major, minor, build;
    int end = 0;
    if (sscanf(value, "%3u.%3u.%5u%n", &major, &minor, &build, &end) != 3 || value[end] ||
        major > UINT8_MAX || minor > UINT8_MAX || build > UINT16_MAX)
        return false;
    memcpy(config->ntlm_version,
           (uint8_t[8]){(uint8_t)major, (uint8_t)minor, (uint8_t)build, (uint8_t)(build >> 8), 0, 0,
                        0, 15},
           sizeof config->ntlm_version);
    return true;
}

static int hex_digit(char c)
{
    const char *digits = "0123456789abcdef", *at = c ? strchr(digits, c | ('A' ^ 'a')) : NULL;
    return at && (c >= 'A' || c <= '9') ? (int)(at - digits) : -1;
}

static bool set_single_host(struct sspi_config *config, const char *value)
{
    if (strlen(value) != 2 * SSPI_SINGLE_HOST_DATA)
        return false;
    for (size_t i = 0; i < SSPI_SINGLE_HOST_DATA; i++) {
        int high = hex_digit(value[2 * i]), low = hex_digit(value[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        config->ntlm_single_host[i] = (uint8_t)(high << 4 | low);
    }
    config->ntlm_has_single_host = true;
    return true;
}

static bool set_av_tail(struct sspi_config *config, const char *value)
{
    char *end;
    unsigned long size = strtoul(value, &end, 10);
    if (*value < '0' || *value > '9' || *end || size > MAX_AV_TAIL)
        return false;
    config->ntlm_av_tail = (uint8_t)size;
    return true;
}

static bool set_switch(bool *setting, const char *value, const char *on, const char *off)
{
    *setting = strcmp(value, on) == 0;
    return *setting || strcmp(value, off) == 0;
}

static bool set_av_timestamp(struct sspi_config *config, const char *value)
{
    return set_switch(&config->ntlm_av_timestamp, value, "yes", "no");
}

static bool set_unknown_domains(struct sspi_config *config, const char *value)
{
    return set_switch(&config->ntlm_unknown_domains, value, "accounts", "refuse");
}

static bool set_lm_level(struct sspi_config *config, const char *value)
{
    config->ntlm_lm_level = value[0] - '0';
    return value[0] >= '0' && value[0] <= '5' && !value[1];
}

static bool set_require_128(struct sspi_config *config, const char *value)
{
    return set_switch(&config->ntlm_require_128, value, "yes", "no");
}

static bool set_block_outgoing(struct sspi_config *config, const char *value)
{
    return set_switch(&config->ntlm_block_outgoing, value, "yes", "no");
}

static bool set_block_incoming(struct sspi_config *config, const char *value)
{
    return set_switch(&config->ntlm_block_incoming, value, "yes", "no");
}

/* What is no text: how it is read, and what a value looks like. */
static const struct {
    const char *key;
    bool (*set)(struct sspi_config *config, const char *value);
    const char *form;
} forms[] = {
    {"version", set_version, "major.minor.build, as in 10.0.17763"},
    {"single-host", set_single_host, "80 hexadecimal digits"},
    {"av-tail", set_av_tail, "a number of bytes from 0 to 16"},
    {"av-timestamp", set_av_timestamp, "'yes' or 'no'"},
    {"unknown-domains", set_unknown_domains, "'refuse' or 'accounts'"},
    {"lm-level", set_lm_level, "a digit from 0 to 5"},
    {"require-128", set_require_128, "'yes' or 'no'"},
    {"block-outgoing", set_block_outgoing, "'yes' or 'no'"},
    {"block-incoming", set_block_incoming, "'yes' or 'no'"},
};

static SECURITY_STATUS set(const struct reader *reader, const char *key, const char *value)
{
    struct sspi_config *config = reader->config;
    const struct {
        const char *key;
        char **setting;
    } texts[] = {
        {"accounts", &config->ntlm_accounts},
        {"netbios-name", &config->ntlm_netbios_name},
        {"netbios-domain", &config->ntlm_netbios_domain},
        {"dns-name", &config->ntlm_dns_name},
        {"dns-domain", &config->ntlm_dns_domain},
        {"dns-tree", &config->ntlm_dns_tree},
    };

    if (!reader->in_ntlm)
        return broken(reader, "'%s' stands in no known section", key);
    if (!*value || !sspi_utf8_valid(value))
        return broken(reader, "'%s' has no value, or one that is not UTF-8", key);
    if (strcmp(key, "authority") == 0) {
        bool winbind = strcmp(value, "winbind") == 0;
        if (!winbind && strcmp(value, "file") != 0)
            return broken(reader, "authority is 'file' or 'winbind', not '%s'", value);
        config->ntlm_authority = winbind ? SSPI_AUTHORITY_WINBIND : SSPI_AUTHORITY_FILE;
        return SEC_E_OK;
    }
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        if (strcmp(key, forms[i].key) == 0)
            return forms[i].set(config, value)
                       ? SEC_E_OK
                       : broken(reader, "%s is %s, not '%s'", key, forms[i].form, value);
    }
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        if (strcmp(key, texts[i].key) == 0)
            return replace(texts[i].setting, value);
    }
    return broken(reader, "there is no setting '%s'", key);
}

/* Cuts white space off both ends, in place. */
static char *trim(char *text)
{
    text += strspn(text, " \t\r\n");
    size_t size = strlen(text);
    while (size && strchr(" \t\r\n", text[size - 1]))
        text[--size] = 0;
    return text;
}

static SECURITY_STATUS read_line(struct reader *reader, char *line)
{
    char *text = trim(line);
    if (!*text || *text == '#' || *text == ';')
        return SEC_E_OK;
    if (*text == '[') {
        if (strcmp(text, "[ntlm]") != 0)
            return broken(reader, "there is no section %s", text);
        reader->in_ntlm = true;
        return SEC_E_OK;
    }
    char *equals = strchr(text, '=');
    if (!equals)
        return broken(reader, "'%s' is neither [section] nor key = value", text);
    *equals = 0;
    return set(reader, trim(text), trim(equals + 1));
}

static SECURITY_STATUS read_file(struct sspi_config *config)
{
    const char *named = secure_getenv("LIBSSPI_CONFIG");
    struct reader reader = {.file = named && *named ? named : DEFAULT_FILE, .config = config};
    FILE *file = fopen(reader.file, "re");
    char *line = NULL;
    size_t room = 0;
    SECURITY_STATUS status = SEC_E_OK;

    if (!file) {
        /* A file that somebody named must be there; the default one need not. */
        if (errno == ENOENT && reader.file != named)
            return SEC_E_OK;
        sspi_error_set("cannot read %s: %s", reader.file, strerror(errno));
        return SEC_E_INTERNAL_ERROR;
    }
    while (status == SEC_E_OK && getline(&line, &room, file) >= 0) {
        reader.line++;
        status = read_line(&reader, line);
    }
    /* getline also ends for want of memory, which is no mark on the file; half a policy is none. */
    if (status == SEC_E_OK && !feof(file)) {
        status = errno == ENOMEM ? SEC_E_INSUFFICIENT_MEMORY : SEC_E_INTERNAL_ERROR;
        sspi_error_set("cannot read %s: %s", reader.file, strerror(errno));
    }
    free(line);
    fclose(file);
    return status;
}

/* "HOST" from "host.example.org"; NetBIOS names have 15 characters (MS-NBTE 2.2.1). */
static char *netbios_from(const char *host)
{
    char name[NETBIOS_NAME_LENGTH + 1];
    snprintf(name, sizeof name, "%.*s", (int)strcspn(host, "."), host);
    return sspi_upper(name);
}

static bool fill_defaults(struct sspi_config *config)
{
    char host[256] = "localhost";
    if (gethostname(host, sizeof host - 1) != 0 || !*host || !sspi_utf8_valid(host))
        strcpy(host, "localhost");
    const char *dot = strchr(host, '.');

    if (!config->ntlm_netbios_name)
        config->ntlm_netbios_name = netbios_from(host);
    if (!config->ntlm_netbios_domain)
        config->ntlm_netbios_domain = sspi_strdup(config->ntlm_netbios_name);
    if (!config->ntlm_dns_name)
        config->ntlm_dns_name = sspi_strdup(host);
    if (!config->ntlm_dns_domain)
        config->ntlm_dns_domain = sspi_strdup(dot && dot[1] ? dot + 1 : host);
    if (!config->ntlm_dns_tree && config->ntlm_dns_domain)
        config->ntlm_dns_tree = sspi_strdup(config->ntlm_dns_domain);
    return config->ntlm_netbios_name && config->ntlm_netbios_domain && config->ntlm_dns_name &&
           config->ntlm_dns_domain && config->ntlm_dns_tree;
}

SECURITY_STATUS sspi_config_read(struct sspi_config *config)
{
    memset(config, 0, sizeof *config);
    config->ntlm_lm_level = SSPI_LM_LEVEL_DEFAULT;
    set_version(config, DEFAULT_VERSION);
    config->ntlm_av_tail = DEFAULT_AV_TAIL;
    config->ntlm_av_timestamp = true;
    SECURITY_STATUS status = read_file(config);
    if (status == SEC_E_OK && !fill_defaults(config))
        status = SEC_E_INSUFFICIENT_MEMORY;
    return status;
}

void sspi_config_free(struct sspi_config *config)
{
    sspi_free(config->ntlm_accounts);
    sspi_free(config->ntlm_netbios_name);
    sspi_free(config->ntlm_netbios_domain);
    sspi_free(config->ntlm_dns_name);
    sspi_free(config->ntlm_dns_domain);
    sspi_free(config->ntlm_dns_tree);
    memset(config, 0, sizeof *config);
}
