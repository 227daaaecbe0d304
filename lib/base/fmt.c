/* A small printf for code that has no C library. Formats are ours, arguments may be anyone's. */
#include "lib/base/fmt.h"

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/assert.h"
#include "lib/base/str.h"

struct out {
    char *buf;
    size_t size, length;
};

struct spec {
    bool zero, left, alternate, upper;
    int width, precision; /* precision -1: none */
    int longs;
};

static void put(struct out *o, char c)
{
    if (o->length + 1 < o->size)
        o->buf[o->length] = c;
    o->length++;
}

static void put_padded(struct out *o, const struct spec *s, const char *text, size_t n)
{
    size_t pad = s->width > 0 && (size_t)s->width > n ? (size_t)s->width - n : 0;
    for (size_t i = 0; !s->left && i < pad; i++)
        put(o, ' ');
    for (size_t i = 0; i < n; i++)
        put(o, text[i]);
    for (size_t i = 0; s->left && i < pad; i++)
        put(o, ' ');
}

static void put_number(struct out *o, const struct spec *s, uint64_t v, unsigned base, char sign)
{
    char digits[72];
    size_t n = sizeof(digits);
    size_t least = s->zero && !s->left && s->width > 0 ? (size_t)s->width - (sign ? 1 : 0) : 1;
    if (least > 64)
        least = 64;
    size_t count = 0;
    bool prefix = s->alternate && base == 16 && v;
    do {
        digits[--n] = (s->upper ? "0123456789ABCDEF" : "0123456789abcdef")[v % base];
        v /= base;
        count++;
    } while (v || count < least);
    if (prefix) {
        digits[--n] = s->upper ? 'X' : 'x';
        digits[--n] = '0';
    }
    if (sign)
        digits[--n] = sign;
    put_padded(o, s, digits + n, sizeof(digits) - n);
}

static uint64_t take_unsigned(const struct spec *s, va_list *args)
{
    return s->longs ? va_arg(*args, uint64_t) : va_arg(*args, unsigned);
}

static int64_t take_signed(const struct spec *s, va_list *args)
{
    return s->longs ? va_arg(*args, int64_t) : va_arg(*args, int);
}

static const char *parse_spec(const char *f, struct spec *s, va_list *args)
{
    *s = (struct spec){ .precision = -1 };
    for (;; f++) {
        if (*f == '0')
            s->zero = true;
        else if (*f == '-')
            s->left = true;
        else if (*f == '#')
            s->alternate = true;
        else
            break;
    }
    if (*f == '*') {
        s->width = va_arg(*args, int);
        f++;
    }
    for (; *f >= '0' && *f <= '9'; f++)
        s->width = s->width * 10 + (*f - '0');
    if (*f == '.') {
        f++;
        s->precision = 0;
        if (*f == '*') {
            s->precision = va_arg(*args, int);
            f++;
        }
        for (; *f >= '0' && *f <= '9'; f++)
            s->precision = s->precision * 10 + (*f - '0');
    }
    for (; *f == 'l' || *f == 'z'; f++)
        s->longs++;
    return f;
}

static void put_conversion(struct out *o, char conversion, struct spec *s, va_list *args)
{
    int64_t v;
    const char *text;
    char c;

    switch (conversion) {
    case 's':
        text = va_arg(*args, const char *);
        put_padded(o, s, text ? text : "(null)",
                   str_length(text ? text : "(null)", s->precision < 0 ? SIZE_MAX
                                                                      : (size_t)s->precision));
        break;
    case 'c':
        c = (char)va_arg(*args, int);
        put_padded(o, s, &c, 1);
        break;
    case 'd':
    case 'i':
        v = take_signed(s, args);
        put_number(o, s, v < 0 ? 0 - (uint64_t)v : (uint64_t)v, 10, v < 0 ? '-' : 0);
        break;
    case 'u': put_number(o, s, take_unsigned(s, args), 10, 0); break;
    case 'x':
    case 'X':
        s->upper = conversion == 'X';
        put_number(o, s, take_unsigned(s, args), 16, 0);
        break;
    case 'o': put_number(o, s, take_unsigned(s, args), 8, 0); break;
    case 'p':
        s->alternate = true;
        put_number(o, s, (uintptr_t)va_arg(*args, void *), 16, 0);
        break;
    case '%': put(o, '%'); break;
    default: BUG();
    }
}

size_t fmt_vprint(char *buf, size_t size, const char *format, va_list args)
{
    struct out o = { buf, size, 0 };
    va_list copy;

    va_copy(copy, args);
    for (const char *f = format; *f; f++) {
        if (*f != '%') {
            put(&o, *f);
            continue;
        }
        struct spec s;
        f = parse_spec(f + 1, &s, &copy);
        put_conversion(&o, *f, &s, &copy);
    }
    va_end(copy);
    if (size)
        buf[o.length < size ? o.length : size - 1] = 0;
    return o.length;
}

size_t fmt_print(char *buf, size_t size, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    size_t n = fmt_vprint(buf, size, format, args);
    va_end(args);
    return n;
}
