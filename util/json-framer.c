/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Bytes in, whole JSON messages out. A byte-wise lexer collects the tokens of one message; when
 * brackets balance, the tokens become a tree. jansson's own parser is not used: it knows neither
 * QMP's single quotes nor unsigned 64-bit integers, and cannot resume. Called by the monitor for
 * its input and by qjson_parse() for option texts. RFC 8259 with the extensions of qemu/json.h.
 */
#include "qemu/osdep.h"
#include "qapi/error.h"
#include "qemu/json.h"

#define MAX_QUOTED_IN_ERROR 64  /* bytes of bad input repeated in a message */

typedef enum TokenType {
    TOKEN_PUNCTUATION,  /* one of {}[]:, */
    TOKEN_STRING,       /* with its quotes */
    TOKEN_INTEGER,
    TOKEN_REAL,
    TOKEN_KEYWORD,
} TokenType;

typedef struct Token {
    TokenType type;
    uint32_t offset;    /* into the message's text */
    uint32_t len;
} Token;

typedef enum LexState {
    LEX_START,
    LEX_STRING,
    LEX_STRING_ESCAPE,
    LEX_MINUS,
    LEX_ZERO,
    LEX_DIGITS,
    LEX_POINT,
    LEX_FRACTION,
    LEX_EXPONENT,
    LEX_EXPONENT_SIGN,
    LEX_EXPONENT_DIGITS,
    LEX_KEYWORD,
    LEX_RECOVERY,       /* after an error, skipping to where a message may start */
} LexState;

struct JSONFramer {
    JSONFramerEmit *emit;
    void *opaque;
    LexState state;
    char quote;             /* that ends the string being read */
    GString *text;          /* of all tokens of the message so far, and of the unfinished one */
    size_t token_start;
    GArray *tokens;
    int braces, brackets;   /* open ones */
};

/* ---- tokens to tree ---- */

typedef struct Parser {
    const char *text;
    const Token *next, *end;
    Error *err;             /* the first error; everything returns NULL after it */
} Parser;

static void parse_error(Parser *p, const char *fmt, ...) G_GNUC_PRINTF(2, 3);

static void parse_error(Parser *p, const char *fmt, ...)
{
    g_autofree char *reason = NULL;
    va_list ap;

    if (p->err) {
        return;
    }
    va_start(ap, fmt);
    reason = g_strdup_vprintf(fmt, ap);
    va_end(ap);
    error_setg(&p->err, "JSON parse error, %s", reason);
}

static bool parser_at_punctuation(Parser *p, char c)
{
    return p->next < p->end && p->next->type == TOKEN_PUNCTUATION &&
           p->text[p->next->offset] == c;
}

/* Four hexadecimal digits at @s, or -1. */
static int parse_hex4(const char *s, const char *end)
{
    int value = 0;

    if (end - s < 4) {
        return -1;
    }
    for (int i = 0; i < 4; i++) {
        int digit = g_ascii_xdigit_value(s[i]);

        if (digit < 0) {
            return -1;
        }
        value = value * 16 + digit;
    }
    return value;
}

/* Code points that Unicode reserves for no character at all (two at each plane's end, and 32). */
static bool is_noncharacter(gunichar c)
{
    return (c & 0xfffe) == 0xfffe || (c >= 0xfdd0 && c <= 0xfdef);
}

static const char *parse_unicode_fail(Parser *p, const char *s, const char *end)
{
    parse_error(p, "\\u%.*s is not a valid Unicode character", (int)MIN(4, end + 1 - s), s);
    return NULL;
}

/* @s is behind "\u". Appends the character and returns where to go on, or NULL. */
static const char *parse_unicode_escape(Parser *p, GString *out, const char *s, const char *end)
{
    int high = parse_hex4(s, end);
    int low, wide;

    if (high < 0 || is_noncharacter(high)) {
        return parse_unicode_fail(p, s, end);
    }
    if (high < 0xd800 || high > 0xdfff) {
        if (high == 0) {
            g_string_append_c(out, '\0');
        } else {
            g_string_append_unichar(out, high);
        }
        return s + 4;
    }
    low = end - s >= 10 && s[4] == '\\' && s[5] == 'u' ? parse_hex4(s + 6, end) : -1;
    wide = 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
    if (high >= 0xdc00 || low < 0xdc00 || low > 0xdfff || is_noncharacter(wide)) {
        return parse_unicode_fail(p, s, end);
    }
    g_string_append_unichar(out, wide);
    return s + 10;
}

/* @s is behind the backslash. */
static const char *parse_escape(Parser *p, GString *out, const char *s, const char *end)
{
    static const char escapes[] = "\"\"''\\\\//b\bf\fn\nr\rt\t";
    const char *found;

    if (*s == 'u') {
        return parse_unicode_escape(p, out, s + 1, end);
    }
    for (found = escapes; *found; found += 2) {
        if (*found == *s) {
            g_string_append_c(out, found[1]);
            return s + 1;
        }
    }
    parse_error(p, "invalid escape sequence in string");
    return NULL;
}

/* The contents of the string token, decoded. */
static GString *parse_string(Parser *p, const Token *token)
{
    const char *s = p->text + token->offset + 1;
    const char *end = p->text + token->offset + token->len - 1;
    GString *out = g_string_sized_new(token->len);

    while (s && s < end) {
        unsigned char c = *s;

        if (c == '\\') {
            s = parse_escape(p, out, s + 1, end);
        } else if (c < 0x80) {
            g_string_append_c(out, c);
            s++;
        } else if (c == 0xc0 && end - s >= 2 && (unsigned char)s[1] == 0x80) {
            g_string_append_c(out, '\0');
            s += 2;
        } else if ((gint32)g_utf8_get_char_validated(s, end - s) < 0 ||
                   is_noncharacter(g_utf8_get_char(s))) {
            parse_error(p, "invalid UTF-8 sequence in string");
            s = NULL;
        } else {
            size_t len = g_utf8_next_char(s) - s;

            g_string_append_len(out, s, len);
            s += len;
        }
    }
    if (p->err) {
        g_string_free(out, TRUE);
        return NULL;
    }
    return out;
}

static json_t *parse_string_value(Parser *p, const Token *token)
{
    GString *text = parse_string(p, token);
    json_t *value;

    if (!text) {
        return NULL;
    }
    value = json_stringn(text->str, text->len);
    g_string_free(text, TRUE);
    return value;
}

static json_t *parse_number(Parser *p, const Token *token)
{
    g_autofree char *text = g_strndup(p->text + token->offset, token->len);
    double real;

    if (token->type == TOKEN_INTEGER) {
        int64_t value;
        uint64_t uvalue;

        errno = 0;
        value = g_ascii_strtoll(text, NULL, 10);
        if (!errno) {
            return json_integer(value);
        }
        errno = 0;
        uvalue = g_ascii_strtoull(text, NULL, 10);
        if (!errno && text[0] != '-') {
            return qjson_uint(uvalue);
        }
    }
    real = g_ascii_strtod(text, NULL);
    if (!__builtin_isfinite(real)) {
        parse_error(p, "number '%.*s' is too large", MAX_QUOTED_IN_ERROR, text);
        return NULL;
    }
    return json_real(real);
}

static json_t *parse_keyword(Parser *p, const Token *token)
{
    const char *s = p->text + token->offset;

    if (token->len == 4 && !memcmp(s, "true", 4)) {
        return json_true();
    }
    if (token->len == 5 && !memcmp(s, "false", 5)) {
        return json_false();
    }
    if (token->len == 4 && !memcmp(s, "null", 4)) {
        return json_null();
    }
    parse_error(p, "invalid keyword '%.*s'", (int)MIN(token->len, MAX_QUOTED_IN_ERROR), s);
    return NULL;
}

static json_t *parse_value(Parser *p);

static bool parse_member(Parser *p, json_t *object)
{
    GString *key;
    json_t *value = NULL;

    if (p->next >= p->end || p->next->type != TOKEN_STRING) {
        /* What is wrong with it as a value comes first. */
        json_decref(parse_value(p));
        parse_error(p, "key is not a string in object");
        return false;
    }
    key = parse_string(p, p->next++);
    if (!key) {
        return false;
    }
    if (strlen(key->str) != key->len) {
        parse_error(p, "key contains a NUL character");
    } else if (!parser_at_punctuation(p, ':')) {
        parse_error(p, "missing : in object pair");
    } else {
        p->next++;
        value = parse_value(p);
    }
    if (value && json_object_get(object, key->str)) {
        parse_error(p, "duplicate key");
        json_decref(value);
    } else if (value) {
        json_object_set_new_nocheck(object, key->str, value);
    }
    g_string_free(key, TRUE);
    return !p->err;
}

static bool parse_element(Parser *p, json_t *array)
{
    json_t *value = parse_value(p);

    if (!value) {
        return false;
    }
    json_array_append_new(array, value);
    return true;
}

/* An object or array whose opening bracket has been read; @close ends it. */
static json_t *parse_container(Parser *p, json_t *container, char close,
                               bool (*parse_item)(Parser *p, json_t *container))
{
    if (parser_at_punctuation(p, close)) {
        p->next++;
        return container;
    }
    while (parse_item(p, container)) {
        if (parser_at_punctuation(p, close)) {
            p->next++;
            return container;
        }
        if (!parser_at_punctuation(p, ',')) {
            parse_error(p, "expected separator in %s", close == '}' ? "dict" : "list");
            break;
        }
        p->next++;
    }
    json_decref(container);
    return NULL;
}

static json_t *parse_value(Parser *p)
{
    const Token *token = p->next;

    if (token >= p->end) {
        parse_error(p, "premature EOI");
        return NULL;
    }
    p->next++;
    switch (token->type) {
    case TOKEN_STRING:
        return parse_string_value(p, token);
    case TOKEN_INTEGER:
    case TOKEN_REAL:
        return parse_number(p, token);
    case TOKEN_KEYWORD:
        return parse_keyword(p, token);
    case TOKEN_PUNCTUATION:
        if (p->text[token->offset] == '{') {
            return parse_container(p, json_object(), '}', parse_member);
        }
        if (p->text[token->offset] == '[') {
            return parse_container(p, json_array(), ']', parse_element);
        }
        break;
    }
    parse_error(p, "expecting value");
    return NULL;
}

/* ---- bytes to tokens ---- */

void json_framer_reset(JSONFramer *f)
{
    if (f->text->allocated_len > 64 * 1024) {
        g_string_free(f->text, TRUE);
        f->text = g_string_new(NULL);
        g_array_free(f->tokens, TRUE);
        f->tokens = g_array_new(FALSE, FALSE, sizeof(Token));
    }
    g_string_truncate(f->text, 0);
    g_array_set_size(f->tokens, 0);
    f->token_start = 0;
    f->braces = 0;
    f->brackets = 0;
    f->state = LEX_START;
}

/* Drops the message; reports @err. */
static void framer_fail(JSONFramer *f, Error *err)
{
    json_framer_reset(f);
    f->state = LEX_RECOVERY;
    f->emit(f->opaque, NULL, err);
}

/* The byte @c cannot follow what was read of the token. */
static void framer_stray(JSONFramer *f, char c)
{
    const char *token = f->text->str + f->token_start;
    size_t len = MIN(f->text->len - f->token_start, MAX_QUOTED_IN_ERROR);
    g_autofree char *bytes = g_strdup_printf("%.*s%c", (int)len, token, c);
    Error *err = NULL;

    error_setg(&err, "JSON parse error, stray '%s'", bytes);
    framer_fail(f, err);
}

static void framer_complete_message(JSONFramer *f)
{
    const Token *tokens = (const Token *)f->tokens->data;
    Parser p = {
        .text = f->text->str,
        .next = tokens,
        .end = tokens + f->tokens->len,
    };
    json_t *value = parse_value(&p);

    json_framer_reset(f);
    f->emit(f->opaque, value, p.err);
}

static void framer_count_brackets(JSONFramer *f, char c)
{
    f->braces += (c == '{') - (c == '}');
    f->brackets += (c == '[') - (c == ']');
}

/* The bytes from token_start on are a token. */
static void framer_end_token(JSONFramer *f, TokenType type)
{
    Token token = { type, f->token_start, f->text->len - f->token_start };
    Error *err = NULL;

    f->state = LEX_START;
    g_array_append_val(f->tokens, token);
    if (type == TOKEN_PUNCTUATION) {
        framer_count_brackets(f, f->text->str[token.offset]);
    }
    f->token_start = f->text->len;
    if (f->braces < 0 || f->brackets < 0 || (f->braces == 0 && f->brackets == 0)) {
        framer_complete_message(f);
        return;
    }
    if (f->braces + f->brackets > JSON_MAX_NESTING) {
        error_setg(&err, "JSON nesting depth limit exceeded");
    } else if (f->tokens->len > JSON_MAX_TOKENS) {
        error_setg(&err, "JSON token count limit exceeded");
    }
    if (err) {
        framer_fail(f, err);
        f->state = LEX_START;
    }
}

/* First byte of a token, or white space. */
static void framer_start_token(JSONFramer *f, char c)
{
    if (strchr(" \t\r\n", c) && c) {
        return;
    }
    if (c == '"' || c == '\'') {
        f->quote = c;
        f->state = LEX_STRING;
    } else if (c == '-') {
        f->state = LEX_MINUS;
    } else if (c == '0') {
        f->state = LEX_ZERO;
    } else if (g_ascii_isdigit(c)) {
        f->state = LEX_DIGITS;
    } else if (g_ascii_islower(c)) {
        f->state = LEX_KEYWORD;
    } else if (!c || !strchr("{}[]:,", c)) {
        framer_stray(f, c);
        return;
    }
    g_string_append_c(f->text, c);
    if (f->state == LEX_START) {
        framer_end_token(f, TOKEN_PUNCTUATION);
    }
}

static void framer_string_byte(JSONFramer *f, char c)
{
    unsigned char byte = c;

    if (byte < 0x20 || byte >= 0xfe) {
        framer_stray(f, c);
        return;
    }
    g_string_append_c(f->text, c);
    if (f->state == LEX_STRING_ESCAPE) {
        f->state = LEX_STRING;
    } else if (c == '\\') {
        f->state = LEX_STRING_ESCAPE;
    } else if (c == f->quote) {
        framer_end_token(f, TOKEN_STRING);
    }
}

/* The state after @c within a number or keyword; LEX_START if @c is no part of it. */
static LexState lex_continue(LexState state, char c)
{
    bool digit = g_ascii_isdigit(c);

    switch (state) {
    case LEX_MINUS:
        return c == '0' ? LEX_ZERO : digit ? LEX_DIGITS : LEX_START;
    case LEX_ZERO:
    case LEX_DIGITS:
        if (digit && state == LEX_DIGITS) {
            return LEX_DIGITS;
        }
        return c == '.' ? LEX_POINT : c == 'e' || c == 'E' ? LEX_EXPONENT : LEX_START;
    case LEX_POINT:
        return digit ? LEX_FRACTION : LEX_START;
    case LEX_FRACTION:
        return digit ? LEX_FRACTION : c == 'e' || c == 'E' ? LEX_EXPONENT : LEX_START;
    case LEX_EXPONENT:
        return digit ? LEX_EXPONENT_DIGITS : c == '+' || c == '-' ? LEX_EXPONENT_SIGN : LEX_START;
    case LEX_EXPONENT_SIGN:
    case LEX_EXPONENT_DIGITS:
        return digit ? LEX_EXPONENT_DIGITS : LEX_START;
    case LEX_KEYWORD:
        return g_ascii_islower(c) ? LEX_KEYWORD : LEX_START;
    default:
        g_assert_not_reached();
    }
}

/* Ends a number or keyword in @state if that may be an end. */
static bool framer_end_scalar(JSONFramer *f)
{
    switch (f->state) {
    case LEX_ZERO:
    case LEX_DIGITS:
        framer_end_token(f, TOKEN_INTEGER);
        return true;
    case LEX_FRACTION:
    case LEX_EXPONENT_DIGITS:
        framer_end_token(f, TOKEN_REAL);
        return true;
    case LEX_KEYWORD:
        framer_end_token(f, TOKEN_KEYWORD);
        return true;
    default:
        return false;
    }
}

static void framer_scalar_byte(JSONFramer *f, char c)
{
    LexState next = lex_continue(f->state, c);

    if (next != LEX_START) {
        f->state = next;
        g_string_append_c(f->text, c);
    } else if (f->state == LEX_ZERO && g_ascii_isdigit(c)) {
        framer_stray(f, c);
    } else if (framer_end_scalar(f)) {
        framer_start_token(f, c);
    } else {
        framer_stray(f, c);
    }
}

static void framer_recovery_byte(JSONFramer *f, char c)
{
    unsigned char byte = c;

    if (byte < 0x20 || byte >= 0xfe || strchr("{}[]:,", c)) {
        f->state = LEX_START;
        framer_start_token(f, c);
    }
}

void json_framer_feed(JSONFramer *f, const char *buf, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        switch (f->state) {
        case LEX_START:
            framer_start_token(f, buf[i]);
            break;
        case LEX_STRING:
        case LEX_STRING_ESCAPE:
            framer_string_byte(f, buf[i]);
            break;
        case LEX_RECOVERY:
            framer_recovery_byte(f, buf[i]);
            break;
        default:
            framer_scalar_byte(f, buf[i]);
            break;
        }
        if (f->text->len > JSON_MAX_MESSAGE_SIZE) {
            Error *err = NULL;

            error_setg(&err, "JSON token size limit exceeded");
            framer_fail(f, err);
        }
    }
}

void json_framer_flush(JSONFramer *f)
{
    Error *err = NULL;

    if (f->state == LEX_RECOVERY) {
        json_framer_reset(f);
    }
    framer_end_scalar(f);
    if (f->text->len == 0) {
        return;
    }
    error_setg(&err, "JSON parse error, premature EOI");
    framer_fail(f, err);
    f->state = LEX_START;
}

JSONFramer *json_framer_new(JSONFramerEmit *emit, void *opaque)
{
    JSONFramer *f = g_new0(JSONFramer, 1);

    f->emit = emit;
    f->opaque = opaque;
    f->text = g_string_new(NULL);
    f->tokens = g_array_new(FALSE, FALSE, sizeof(Token));
    return f;
}

void json_framer_free(JSONFramer *f)
{
    if (!f) {
        return;
    }
    g_string_free(f->text, TRUE);
    g_array_free(f->tokens, TRUE);
    g_free(f);
}

/* ---- one text ---- */

typedef struct ParseResult {
    json_t *value;
    Error *err;
} ParseResult;

static void parse_result_add(void *opaque, json_t *value, Error *err)
{
    ParseResult *result = opaque;

    if (result->err) {
        error_free(err);
        json_decref(value);
        return;
    }
    if (result->value && value) {
        json_decref(value);
        error_setg(&result->err, "JSON parse error, more than one value");
        return;
    }
    if (err) {
        result->err = err;
        return;
    }
    result->value = value;
}

json_t *qjson_parse(const char *text, Error **errp)
{
    ParseResult result = { NULL, NULL };
    g_autoptr(JSONFramer) framer = json_framer_new(parse_result_add, &result);

    json_framer_feed(framer, text, strlen(text));
    json_framer_flush(framer);
    if (!result.value && !result.err) {
        error_setg(&result.err, "JSON parse error, expecting value");
    }
    if (result.err) {
        json_decref(result.value);
        error_propagate(errp, result.err);
        return NULL;
    }
    return result.value;
}
