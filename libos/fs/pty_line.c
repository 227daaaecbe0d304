/*
 * The line discipline, after drivers/tty/n_tty.c's behaviour: editing of lines, echo, signals by key, flow control,
 * and the output's newlines and tabs. Everything is called with pty.mu held.
 */
#include "lib/base/bytes.h"
#include "lib/linux/errno.h"
#include "libos/fs/pty.h"
#include "libos/signal/signal.h"
#include "libos/sys/iobuf.h"

static bool in(const struct pty *p, uint32_t flag)
{
    return p->t.iflag & flag;
}

static bool local(const struct pty *p, uint32_t flag)
{
    return p->t.lflag & flag;
}

static bool is_control(uint8_t c)
{
    return c < 0x20 || c == 0x7f;
}

static bool is_continuation(const struct pty *p, uint8_t c)
{
    return in(p, TTY_IUTF8) && (c & 0xc0) == 0x80;
}

/* A character that is switched off is 0. */
static bool is_key(const struct pty *p, uint8_t c, int key)
{
    return p->t.cc[key] && c == p->t.cc[key];
}

/* ---- output */

static void emit(struct pty *p, const char *s, uint32_t size)
{
    if (ring_space(&p->output) >= size)
        (void)ring_put(&p->output, s, size);
}

static void emit_byte(struct pty *p, uint8_t c)
{
    emit(p, (const char *)&c, 1);
}

static void print_tab(struct pty *p)
{
    uint32_t spaces = 8 - (p->column & 7);
    p->column += spaces;
    if ((p->t.oflag & TTY_TABDLY) == TTY_TABDLY)
        emit(p, "        ", spaces);
    else
        emit_byte(p, '\t');
}

static void print_return(struct pty *p)
{
    if ((p->t.oflag & TTY_ONOCR) && p->column == 0)
        return;
    if (p->t.oflag & TTY_OCRNL) {
        if (p->t.oflag & TTY_ONLRET)
            p->column = 0;
        emit_byte(p, '\n');
        return;
    }
    p->column = 0;
    emit_byte(p, '\r');
}

static void print_newline(struct pty *p)
{
    if (p->t.oflag & (TTY_ONLRET | TTY_ONLCR))
        p->column = 0;
    if (p->t.oflag & TTY_ONLCR)
        emit(p, "\r\n", 2);
    else
        emit_byte(p, '\n');
}

bool line_print(struct pty *p, uint8_t c)
{
    if (ring_space(&p->output) < 8)
        return false;
    if (!(p->t.oflag & TTY_OPOST)) {
        emit_byte(p, c);
        return true;
    }
    switch (c) {
    case '\n': print_newline(p); break;
    case '\r': print_return(p); break;
    case '\t': print_tab(p); break;
    case '\b':
        p->column -= p->column > 0;
        emit_byte(p, c);
        break;
    default:
        if ((p->t.oflag & TTY_OLCUC) && c >= 'a' && c <= 'z')
            c = (uint8_t)(c - 'a' + 'A');
        p->column += !is_control(c) && !is_continuation(p, c);
        emit_byte(p, c);
    }
    return true;
}

/* ---- echo */

static void echo_byte(struct pty *p, uint8_t c)
{
    (void)line_print(p, c);
}

static void echo(struct pty *p, uint8_t c)
{
    if (local(p, TTY_ECHOCTL) && is_control(c) && c != '\t') {
        char text[2] = { '^', (char)(c ^ 0100) };
        emit(p, text, 2);
        p->column += 2;
    } else {
        echo_byte(p, c);
    }
}

static void finish_erasing(struct pty *p)
{
    if (p->erasing)
        echo_byte(p, '/');
    p->erasing = false;
}

static void echo_typed(struct pty *p, uint8_t c)
{
    if (!local(p, TTY_ECHO))
        return;
    finish_erasing(p);
    if (p->head == p->line)
        p->line_column = p->column;
    if (c == '\n')
        echo_byte(p, c);
    else
        echo(p, c);
}

/* ---- input */

bool line_accepts(const struct pty *p)
{
    /* With a whole buffer of one unfinished line the rest is taken and lost, or nobody could end it. */
    return p->head - p->tail < PTY_INPUT - 1 || (local(p, TTY_ICANON) && p->line == p->tail);
}

/* The last place is for what ends a line. */
static void put(struct pty *p, uint8_t c, enum pty_mark mark)
{
    if (p->head - p->tail >= PTY_INPUT - (mark == MARK_NONE)) {
        if (in(p, TTY_IMAXBEL))
            echo_byte(p, '\a');
        return;
    }
    p->input[p->head % PTY_INPUT] = c;
    p->mark[p->head % PTY_INPUT] = (uint8_t)mark;
    p->head++;
}

static void end_line(struct pty *p, uint8_t c, enum pty_mark mark)
{
    put(p, c, mark);
    p->line = p->head;
}

void line_flush_input(struct pty *p)
{
    p->tail = p->line = p->head;
    p->erasing = p->literal = false;
    if (p->packet)
        p->status |= LINUX_PKT_FLUSHREAD;
}

void line_flush_output(struct pty *p)
{
    ring_skip(&p->output, p->output.used);
    if (p->packet)
        p->status |= LINUX_PKT_FLUSHWRITE;
}

void line_stop(struct pty *p, bool stop)
{
    if (p->stopped == stop)
        return;
    p->stopped = stop;
    if (p->packet) {
        p->status &= (uint8_t) ~(LINUX_PKT_STOP | LINUX_PKT_START);
        p->status |= stop ? LINUX_PKT_STOP : LINUX_PKT_START;
    }
}

static bool type_signal(struct pty *p, uint8_t c)
{
    int sig = is_key(p, c, TTY_VINTR) ? SIGINT : is_key(p, c, TTY_VQUIT) ? SIGQUIT : is_key(p, c, TTY_VSUSP) ? SIGTSTP : 0;
    if (!sig || !local(p, TTY_ISIG))
        return false;
    if (!local(p, TTY_NOFLSH)) {
        line_flush_input(p);
        line_flush_output(p);
    }
    p->signals |= SIGBIT(sig);
    if (in(p, TTY_IXON))
        line_stop(p, false);
    if (local(p, TTY_ECHO))
        echo(p, c);
    return true;
}

static bool type_flow(struct pty *p, uint8_t c)
{
    if (!in(p, TTY_IXON))
        return false;
    if (is_key(p, c, TTY_VSTART))
        line_stop(p, false);
    else if (is_key(p, c, TTY_VSTOP))
        line_stop(p, true);
    else
        return false;
    return true;
}

/* How many columns back a tab at the end of the line goes: what precedes it, since the tab before. */
static uint32_t tab_width(const struct pty *p)
{
    uint32_t columns = 0, at = p->head;
    while (at != p->line && p->input[(at - 1) % PTY_INPUT] != '\t') {
        uint8_t c = p->input[--at % PTY_INPUT];
        if (is_control(c))
            columns += local(p, TTY_ECHOCTL) ? 2 : 0;
        else
            columns += !is_continuation(p, c);
    }
    if (at == p->line)
        columns += p->line_column;
    return 8 - (columns & 7);
}

static void wipe_columns(struct pty *p, uint8_t c)
{
    if (c == '\t') {
        for (uint32_t n = tab_width(p); n; n--)
            echo_byte(p, '\b');
        return;
    }
    uint32_t columns = !is_control(c) ? 1 : local(p, TTY_ECHOCTL) ? 2 : 0;
    for (; columns; columns--) {
        echo_byte(p, '\b');
        echo_byte(p, ' ');
        echo_byte(p, '\b');
    }
}

/* One character less on the line, all its bytes: [at, head). */
static void erase_one(struct pty *p, uint32_t at, bool by_erase)
{
    uint32_t end = p->head;
    uint8_t c = p->input[at % PTY_INPUT];
    p->head = at;
    if (!local(p, TTY_ECHO))
        return;
    if (local(p, TTY_ECHOPRT)) {
        if (!p->erasing)
            echo_byte(p, '\\');
        p->erasing = true;
        echo(p, c);
        for (at++; at != end; at++)
            echo_byte(p, p->input[at % PTY_INPUT]);
    } else if (by_erase && !local(p, TTY_ECHOE)) {
        echo(p, p->t.cc[TTY_VERASE]);
    } else {
        wipe_columns(p, c);
    }
}

static bool is_word(uint8_t c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c >= 0xc0;
}

/* VKILL without the means to show it. */
static void kill_plain(struct pty *p)
{
    p->head = p->line;
    if (!local(p, TTY_ECHO))
        return;
    finish_erasing(p);
    echo(p, p->t.cc[TTY_VKILL]);
    if (local(p, TTY_ECHOK))
        echo_byte(p, '\n');
}

static void erase(struct pty *p, int key)
{
    const uint32_t visible = TTY_ECHOK | TTY_ECHOKE | TTY_ECHOE;
    bool in_word = false;
    if (p->head == p->line)
        return;
    if (key == TTY_VKILL && (!local(p, TTY_ECHO) || (p->t.lflag & visible) != visible)) {
        kill_plain(p);
        return;
    }
    while (p->head != p->line) {
        uint32_t at = p->head - 1;
        while (at != p->line && is_continuation(p, p->input[at % PTY_INPUT]))
            at--;
        uint8_t c = p->input[at % PTY_INPUT];
        if (key == TTY_VWERASE && is_word(c))
            in_word = true;
        else if (key == TTY_VWERASE && in_word)
            break;
        erase_one(p, at, key == TTY_VERASE);
        if (key == TTY_VERASE)
            break;
    }
    if (p->head == p->line && local(p, TTY_ECHO))
        finish_erasing(p);
}

static void reprint(struct pty *p, uint8_t c)
{
    finish_erasing(p);
    echo(p, c);
    echo_byte(p, '\n');
    for (uint32_t at = p->line; at != p->head; at++)
        echo(p, p->input[at % PTY_INPUT]);
}

/* Keys of line editing. */
static bool type_edit(struct pty *p, uint8_t c)
{
    bool extended = local(p, TTY_IEXTEN);
    if (is_key(p, c, TTY_VERASE)) {
        erase(p, TTY_VERASE);
    } else if (is_key(p, c, TTY_VKILL)) {
        erase(p, TTY_VKILL);
    } else if (extended && is_key(p, c, TTY_VWERASE)) {
        erase(p, TTY_VWERASE);
    } else if (extended && is_key(p, c, TTY_VLNEXT)) {
        p->literal = true;
        if (local(p, TTY_ECHO)) {
            finish_erasing(p);
            if (local(p, TTY_ECHOCTL))
                emit(p, "^\b", 2);
        }
    } else if (extended && local(p, TTY_ECHO) && is_key(p, c, TTY_VREPRINT)) {
        reprint(p, c);
    } else if (c == '\n') {
        if (local(p, TTY_ECHO | TTY_ECHONL))
            echo_byte(p, '\n');
        end_line(p, c, MARK_LINE);
    } else if (is_key(p, c, TTY_VEOF)) {
        end_line(p, 0, MARK_EOF);
    } else if (is_key(p, c, TTY_VEOL) || (extended && is_key(p, c, TTY_VEOL2))) {
        echo_typed(p, c);
        end_line(p, c, MARK_LINE);
    } else {
        return false;
    }
    return true;
}

static void type_plain(struct pty *p, uint8_t c)
{
    echo_typed(p, c);
    if (c == 0xff && in(p, TTY_PARMRK))
        put(p, c, MARK_NONE);
    put(p, c, MARK_NONE);
}

void line_type(struct pty *p, uint8_t c)
{
    if (in(p, TTY_ISTRIP))
        c &= 0x7f;
    if (in(p, TTY_IUCLC) && local(p, TTY_IEXTEN) && c >= 'A' && c <= 'Z')
        c = (uint8_t)(c - 'A' + 'a');
    if (p->literal) {
        p->literal = false;
        type_plain(p, c);
        return;
    }
    if (type_flow(p, c))
        return;
    if (p->stopped && in(p, TTY_IXON) && in(p, TTY_IXANY))
        line_stop(p, false);
    if (type_signal(p, c))
        return;
    if (c == '\r') {
        if (in(p, TTY_IGNCR))
            return;
        c = in(p, TTY_ICRNL) ? '\n' : c;
    } else if (c == '\n' && in(p, TTY_INLCR)) {
        c = '\r';
    }
    if (!local(p, TTY_ICANON) || !type_edit(p, c))
        type_plain(p, c);
}

/* ---- reading */

bool line_readable(const struct pty *p)
{
    uint32_t least = p->t.cc[TTY_VTIME] || !p->t.cc[TTY_VMIN] ? 1 : p->t.cc[TTY_VMIN];
    return local(p, TTY_ICANON) ? p->line != p->tail : p->head - p->tail >= least;
}

uint32_t line_waiting(const struct pty *p)
{
    uint32_t n = 0;
    if (!local(p, TTY_ICANON))
        return p->head - p->tail;
    for (uint32_t at = p->tail; at != p->line; at++)
        n += p->mark[at % PTY_INPUT] != MARK_EOF;
    return n;
}

/* One line, or as much of it as fits; the end-of-file character ends it and is not seen. */
static uint32_t line_length(const struct pty *p, uint64_t room, bool *eof)
{
    uint32_t n = 0;
    *eof = false;
    while (p->tail + n != p->line) {
        uint8_t mark = p->mark[(p->tail + n) % PTY_INPUT];
        *eof = mark == MARK_EOF;
        if (*eof || n == room)
            break;
        n++;
        if (mark == MARK_LINE)
            break;
    }
    return n;
}

int64_t line_read(struct pty *p, struct iobuf *b)
{
    bool eof = false;
    uint32_t n = local(p, TTY_ICANON) ? line_length(p, b->left, &eof) : (uint32_t)MIN(p->head - p->tail, b->left);
    int64_t done = 0;
    while (done < n) {
        uint32_t at = p->tail % PTY_INPUT, part = MIN(n - (uint32_t)done, PTY_INPUT - at);
        int64_t r = iobuf_put(b, p->input + at, part);
        if (r <= 0)
            return done ? done : r;
        p->tail += (uint32_t)r;
        done += r;
    }
    p->tail += eof;
    if (!local(p, TTY_ICANON))
        p->line = p->tail;
    return done;
}

/* ---- modes */

void line_set_termios(struct pty *p, const struct linux_termios *t)
{
    bool switched = (p->t.lflag ^ t->lflag) & TTY_ICANON, had_flow = in(p, TTY_IXON) && p->t.cc[TTY_VSTOP] == 023 && p->t.cc[TTY_VSTART] == 021;
    p->t = *t;
    if (switched) {
        p->erasing = p->literal = false;
        memset(p->mark, MARK_NONE, sizeof(p->mark));
        p->line = p->tail;
        if (local(p, TTY_ICANON) && p->head != p->tail) { /* what is there becomes a line */
            p->line = p->head;
            p->mark[(p->head - 1) % PTY_INPUT] = MARK_LINE;
        }
    }
    if (!in(p, TTY_IXON))
        line_stop(p, false);
    bool flow = in(p, TTY_IXON) && t->cc[TTY_VSTOP] == 023 && t->cc[TTY_VSTART] == 021;
    if (p->packet && flow != had_flow) {
        p->status &= (uint8_t) ~(LINUX_PKT_DOSTOP | LINUX_PKT_NOSTOP);
        p->status |= flow ? LINUX_PKT_DOSTOP : LINUX_PKT_NOSTOP;
    }
}

void line_reset(struct pty *p)
{
    p->t = (struct linux_termios){
        .iflag = TTY_ICRNL | TTY_IXON,
        .oflag = TTY_OPOST | TTY_ONLCR,
        .cflag = TTY_B38400 | TTY_CS8 | TTY_CREAD,
        .lflag = TTY_ISIG | TTY_ICANON | TTY_ECHO | TTY_ECHOE | TTY_ECHOK | TTY_ECHOCTL | TTY_ECHOKE | TTY_IEXTEN,
        .cc = { 3, 034, 0177, 025, 4, 0, 1, 0, 021, 023, 032, 0, 022, 017, 027, 026, 0 },
        .ispeed = 38400,
        .ospeed = 38400,
    };
}
