/* SPDX-License-Identifier: Apache-2.0
 *
 * The settings file: defaults, what is read, and errors that name file and line.
 */
#include "run.h"

#include <libsspi.h>
#include <stdlib.h>
#include <unistd.h>

#include "config.h"

static char path[] = "/tmp/libsspi-config-XXXXXX";

static SECURITY_STATUS read_text(const char *text, struct sspi_config *config)
{
    strcpy(path + sizeof path - 7, "XXXXXX");
    int file = mkstemp(path);
    if (file < 0 || write(file, text, strlen(text)) != (ssize_t)strlen(text))
        exit(2);
    close(file);
    setenv("LIBSSPI_CONFIG", path, 1);
    SECURITY_STATUS status = sspi_config_read(config);
    unlink(path);
    return status;
}

static void settings(void)
{
    struct sspi_config config;
    ASSERT_STATUS(read_text("# comment\n\n; another\n[ntlm]\n authority = winbind \n"
                            "accounts=/some path/file\nnetbios-name = HOST\r\n"
                            "dns-domain = a = b\nversion = 6.3.9600\nav-tail = 16\n"
                            "av-timestamp = no\nunknown-domains = accounts\nsingle-host = "
                            "00112233445566778899aAbBcCdDeEfF00112233"
                            "445566778899aabbccddeeff0123456789abcdef\n",
                            &config),
                  SEC_E_OK);
    CU_ASSERT_EQUAL(config.ntlm_authority, SSPI_AUTHORITY_WINBIND);
    CU_ASSERT_STRING_EQUAL(config.ntlm_accounts, "/some path/file");
    CU_ASSERT_STRING_EQUAL(config.ntlm_netbios_name, "HOST");
    CU_ASSERT_STRING_EQUAL(config.ntlm_netbios_domain, "HOST");
    CU_ASSERT_STRING_EQUAL(config.ntlm_dns_domain, "a = b");
    CU_ASSERT_STRING_EQUAL(config.ntlm_dns_tree, "a = b");
    CU_ASSERT_EQUAL(memcmp(config.ntlm_version, "\x06\x03\x80\x25\0\0\0\x0f", 8), 0);
    CU_ASSERT_EQUAL(config.ntlm_av_tail, 16);
    CU_ASSERT_FALSE(config.ntlm_av_timestamp);
    CU_ASSERT(config.ntlm_unknown_domains);
    CU_ASSERT(config.ntlm_has_single_host);
    CU_ASSERT_EQUAL(
        memcmp(config.ntlm_single_host, "\x00\x11\x22\x33\x44\x55\x66\x77\x88\x99\xaa", 11), 0);
    CU_ASSERT_EQUAL(memcmp(config.ntlm_single_host + 32, "\x01\x23\x45\x67\x89\xab\xcd\xef", 8), 0);
    sspi_config_free(&config);
}

static void defaults(void)
{
    struct sspi_config config;
    char host[256] = "";
    ASSERT_STATUS(read_text("", &config), SEC_E_OK);
    gethostname(host, sizeof host - 1);
    CU_ASSERT_EQUAL(config.ntlm_authority, SSPI_AUTHORITY_FILE);
    CU_ASSERT_PTR_NULL(config.ntlm_accounts);
    CU_ASSERT_EQUAL(config.ntlm_av_tail, 4);
    CU_ASSERT(config.ntlm_av_timestamp);
    CU_ASSERT_FALSE(config.ntlm_unknown_domains);
    CU_ASSERT_FALSE(config.ntlm_has_single_host);
    CU_ASSERT_STRING_EQUAL(config.ntlm_dns_name, host);
    CU_ASSERT(strlen(config.ntlm_netbios_name) <= 15);
    CU_ASSERT_PTR_NULL(strchr(config.ntlm_netbios_name, '.'));
    sspi_config_free(&config);
}

static void broken(void)
{
    static const struct {
        const char *text, *line, *word;
    } rows[] = {
        {"[ntlm]\nauthority = samba\n", "line 2", "samba"},
        {"[kerberos]\n", "line 1", "[kerberos]"},
        {"accounts = /x\n", "line 1", "accounts"},
        {"[ntlm]\n\nwhat\n", "line 3", "what"},
        {"[ntlm]\naccounts =\n", "line 2", "accounts"},
        {"[ntlm]\nacounts = /x\n", "line 2", "acounts"},
        {"[ntlm]\ndns-name = \xff\n", "line 2", "dns-name"},
        {"[ntlm]\nversion = 10.0\n", "line 2", "10.0"},
        {"[ntlm]\nversion = 256.0.1\n", "line 2", "256.0.1"},
        {"[ntlm]\nversion = 10.0.65536\n", "line 2", "65536"},
        {"[ntlm]\nsingle-host = 00\n", "line 2", "80 hexadecimal"},
        {"[ntlm]\nsingle-host = 0011223344556677889900112233445566778899"
         "001122334455667788990011223344556677889/\n",
         "line 2", "80 hexadecimal"},
        {"[ntlm]\nsingle-host = 0011223344556677889900112233445566778899"
         "0011223344556677889900112233445566778g99\n",
         "line 2", "80 hexadecimal"},
        {"[ntlm]\nav-tail = 17\n", "line 2", "17"},
        {"[ntlm]\nav-tail = -1\n", "line 2", "-1"},
        {"[ntlm]\nav-tail = 4x\n", "line 2", "4x"},
        {"[ntlm]\nav-timestamp = maybe\n", "line 2", "maybe"},
        {"[ntlm]\nunknown-domains = yes\n", "line 2", "'refuse'"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct sspi_config config;
        ASSERT_STATUS(read_text(rows[i].text, &config), SEC_E_INTERNAL_ERROR);
        CU_ASSERT_PTR_NOT_NULL(strstr(libsspi_last_error(), rows[i].line));
        CU_ASSERT_PTR_NOT_NULL(strstr(libsspi_last_error(), rows[i].word));
        CU_ASSERT_PTR_NOT_NULL(strstr(libsspi_last_error(), path));
        sspi_config_free(&config);
    }
}

/* A file that was named must be there; the default one need not. */
static void missing(void)
{
    struct sspi_config config;
    setenv("LIBSSPI_CONFIG", "/nowhere/libsspi.conf", 1);
    ASSERT_STATUS(sspi_config_read(&config), SEC_E_INTERNAL_ERROR);
    CU_ASSERT_PTR_NOT_NULL(strstr(libsspi_last_error(), "/nowhere/libsspi.conf"));
    sspi_config_free(&config);
    setenv("LIBSSPI_CONFIG", "", 1);
    if (access("/etc/libsspi.conf", F_OK) != 0)
        ASSERT_STATUS(sspi_config_read(&config), SEC_E_OK);
    sspi_config_free(&config);
}

SSPI_TESTS({"settings", settings}, {"defaults", defaults}, {"broken", broken}, {"missing", missing})
