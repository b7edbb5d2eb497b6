// SPDX-License-Identifier: Apache-2.0
#include "client/cli/argument.h"

#include <utility>

#include "client/cli/platform_reference.h"
#include "client/src/failure.h"
#include "client/src/reference_text.h"

namespace tantalus::cli {
namespace {

constexpr std::string_view scheme = "tantalus:";

const char* pointer(const std::optional<std::string>& text) noexcept {
  return text ? text->c_str() : nullptr;
}

Outcome<Argument> from_result(std::string_view text, Result<ReferenceText> result) {
  if (!result) {
    return std::unexpected(reference_problem(std::string(text), result.error()));
  }
  Argument argument{std::string(text), to_uri(result->view()), std::move(*result)};
  return argument;
}

}  // namespace

void ShortForm::add_to(Options& options) {
  options.text("source", source)
      .text("scope", scope)
      .text("id", id)
      .text("field", field)
      .number("ref-version", version);
}

Outcome<Argument> read_argument(std::string_view text, const ShortForm& form) {
  if (std::optional<Outcome<Argument>> found = find_reference(text); found) {
    return std::move(*found);
  }
  Result<ReferenceText> reference = client::read_reference(text);
  if (!reference) {
    return std::unexpected(reference_problem(std::string(text), reference.error()));
  }
  const client::Failure failure = client::amend(
      *reference, {pointer(form.source), pointer(form.scope), pointer(form.id), pointer(form.field), form.version});
  if (failure.failed()) {
    return std::unexpected(agent_problem(std::string(text), failure.status, failure.message));
  }
  return from_result(text, std::move(*reference));
}

std::expected<std::vector<Argument>, int> read_arguments(std::string_view command, std::span<const std::string> texts,
                                                         const ShortForm& form, bool quiet) {
  std::vector<Argument> arguments;
  std::optional<int> failed;
  bool has_short_form = false;
  for (const std::string& text : texts) {
    has_short_form = has_short_form || !find_reference(text);
    Outcome<Argument> argument = read_argument(text, form);
    if (argument) {
      arguments.push_back(std::move(*argument));
      continue;
    }
    failed = failed.value_or(argument.error().exit);
    if (!quiet) {
      tell(argument.error());
    }
  }
  if (!failed && form.is_used() && !has_short_form) {
    if (!quiet) {
      tell(usage_problem(command,
                         "--source, --scope, --id, --field and --ref-version complete a KEY; "
                         "a URI says all of that itself"));
    }
    failed = exit_code::usage;
  }
  if (failed) {
    return std::unexpected(*failed);
  }
  return arguments;
}

std::optional<Outcome<Argument>> find_reference(std::string_view text) {
  if (text.starts_with(scheme)) {
    Result<ReferenceText> reference = reference_from_uri(text);
    if (!reference) {
      return std::unexpected(reference_problem(std::string(text), reference.error()));
    }
    return Argument{std::string(text), std::string(text), std::move(*reference)};
  }
  if (std::optional<Result<ReferenceText>> found = find_platform_reference(text); found) {
    return from_result(text, std::move(*found));
  }
  return std::nullopt;
}

}  // namespace tantalus::cli
