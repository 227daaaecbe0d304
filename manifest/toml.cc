// TOML text to a C tree, by toml++. The only C++ of the project: no exception and no C++ type crosses
// its border. The text is untrusted: nesting is bounded here, because toml++ bounds brackets but not
// the depth of dotted keys, and both its tree and ours are freed recursively. Start at toml_parse().
// toml++ asserts what some texts break ("[[["), and assumes it when asserts are off: both would be ours to
// answer for. A failed one throws instead, and becomes an error of the text.
#undef NDEBUG
struct parser_gave_up {};
[[noreturn]] static void give_up()
{
    throw parser_gave_up{};
}
#define TOML_ASSERT(expr) ((expr) ? static_cast<void>(0) : give_up())
#define TOML_EXCEPTIONS 0
#define TOML_HEADER_ONLY 1
#define TOML_ENABLE_FORMATTERS 1
#include <toml++/toml.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <sstream>
#include <string_view>

extern "C" {
#include "manifest/toml.h"
}

namespace {

constexpr int max_dots_in_line = 1000;

// The line that has more dots than any sensible key, or 0.
uint32_t line_with_too_many_dots(std::string_view text)
{
    uint32_t line = 1;
    int dots = 0;
    for (char c : text) {
        if (c == '\n') {
            line++;
            dots = 0;
        } else if (c == '.' && ++dots > max_dots_in_line) {
            return line;
        }
    }
    return 0;
}

bool set_text(toml_node *node, std::string_view text)
{
    node->text = static_cast<char *>(malloc(text.size() + 1));
    if (!node->text)
        return false;
    memcpy(node->text, text.data(), text.size());
    node->text[text.size()] = 0;
    node->length = text.size();
    return true;
}

toml_node *convert(const toml::node &in, int depth, bool &too_deep);

bool set_key(toml_node *node, std::string_view key)
{
    node->key = static_cast<char *>(malloc(key.size() + 1));
    if (!node->key)
        return false;
    memcpy(node->key, key.data(), key.size());
    node->key[key.size()] = 0;
    return true;
}

bool convert_table(const toml::table &in, toml_node *out, int depth, bool &too_deep)
{
    std::vector<std::pair<toml::source_position, toml_node *>> members;
    for (auto &&[key, value] : in) {
        toml_node *child = convert(value, depth + 1, too_deep);
        if (!child)
            return false;
        if (!set_key(child, key.str()) || !toml_append(out, child))
            return false;
        members.emplace_back(key.source().begin, child);
    }
    // toml++ keeps members sorted by name; the order of the text matters for the environment.
    std::stable_sort(members.begin(), members.end(), [](auto &a, auto &b) { return a.first < b.first; });
    for (size_t i = 0; i < members.size(); i++)
        out->items[i] = members[i].second;
    return true;
}

bool convert_array(const toml::array &in, toml_node *out, int depth, bool &too_deep)
{
    for (auto &&value : in) {
        toml_node *child = convert(value, depth + 1, too_deep);
        if (!child || !toml_append(out, child))
            return false;
    }
    return true;
}

template <typename T> bool set_printed(toml_node *node, const toml::value<T> &value)
{
    std::ostringstream text;
    text << value;
    return set_text(node, text.str());
}

bool convert_value(const toml::node &in, toml_node *out, int depth, bool &too_deep)
{
    switch (in.type()) {
    case toml::node_type::table: out->kind = TOML_TABLE; return convert_table(*in.as_table(), out, depth, too_deep);
    case toml::node_type::array: out->kind = TOML_ARRAY; return convert_array(*in.as_array(), out, depth, too_deep);
    case toml::node_type::string: out->kind = TOML_STRING; return set_text(out, in.as_string()->get());
    case toml::node_type::integer: out->kind = TOML_INTEGER; out->integer = in.as_integer()->get(); return true;
    case toml::node_type::boolean: out->kind = TOML_BOOLEAN; out->boolean = in.as_boolean()->get(); return true;
    case toml::node_type::floating_point: out->kind = TOML_FLOAT; return set_printed(out, *in.as_floating_point());
    case toml::node_type::date: out->kind = TOML_DATE; return set_printed(out, *in.as_date());
    case toml::node_type::time: out->kind = TOML_DATE; return set_printed(out, *in.as_time());
    case toml::node_type::date_time: out->kind = TOML_DATE; return set_printed(out, *in.as_date_time());
    default: return false;
    }
}

toml_node *convert(const toml::node &in, int depth, bool &too_deep)
{
    if (depth > TOML_DEPTH_MAX) {
        too_deep = true;
        return nullptr;
    }
    toml_node *out = toml_new(TOML_TABLE);
    if (!out)
        return nullptr;
    out->line = in.source().begin.line;
    out->column = in.source().begin.column;
    if (!convert_value(in, out, depth, too_deep)) {
        toml_free(out);
        return nullptr;
    }
    return out;
}

int parse(const char *name, const char *text, size_t size, toml_node **out, problem *why)
{
    std::string_view view(text, size);
    if (size > TOML_TEXT_MAX)
        return problem_set(why, -EFBIG, "%s: larger than %zu MiB", name, TOML_TEXT_MAX >> 20);
    if (uint32_t line = line_with_too_many_dots(view))
        return problem_set(why, -EINVAL, "%s:%u: more than %d dots in one line", name, line, max_dots_in_line);
    toml::parse_result result = toml::parse(view);
    if (!result) {
        const toml::parse_error &e = result.error();
        std::string what(e.description());
        std::replace(what.begin(), what.end(), '\n', ' ');
        return problem_set(why, -EINVAL, "%s:%u:%u: %s", name, static_cast<unsigned>(e.source().begin.line),
                           static_cast<unsigned>(e.source().begin.column), what.c_str());
    }
    bool too_deep = false;
    *out = convert(result.table(), 0, too_deep);
    if (*out)
        return 0;
    if (too_deep)
        return problem_set(why, -EINVAL, "%s: tables nested deeper than %d", name, TOML_DEPTH_MAX);
    return problem_set(why, -ENOMEM, "%s: out of memory", name);
}

} // namespace

extern "C" int toml_parse(const char *name, const char *text, size_t size, toml_node **out, problem *why)
{
    *out = nullptr;
    try {
        return parse(name, text, size, out, why);
    } catch (const parser_gave_up &) {
        return problem_set(why, -EINVAL, "%s: not TOML: a bracket or quote where a key should stand", name);
    } catch (...) { // std::bad_alloc: our own allocations in C++ containers
        return problem_set(why, -ENOMEM, "%s: out of memory", name);
    }
}
