// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <chrono>
#include <ctime>
#include <fstream>

#include "client/cli/command.h"
#include "client/cli/format.h"
#include "protocol/audit/query.h"
#include "protocol/audit/verify.h"

namespace tantalus::cli {
namespace {

std::string to_text(WallMicros time) {
  const std::time_t seconds = std::chrono::floor<std::chrono::seconds>(time).time_since_epoch().count();
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  std::array<char, 32> text{};
  return {text.data(), std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", &parts)};
}

int verify(const Common& common, std::span<const std::string> files, const std::optional<std::string>& head) {
  const Result<AuditVerdict> verdict =
      verify_audit(files, head ? std::optional<std::string_view>(*head) : std::nullopt);
  if (!verdict) {
    return refuse(common, {exit_code::usage, "audit verify", verdict.error().message, ""});
  }
  if (!verdict->is_whole()) {
    const AuditFinding& finding = *verdict->finding;
    std::string what = finding.file;
    if (!what.empty()) {
      what += ":" + std::to_string(finding.line);
    }
    return refuse(common, {exit_code::found_something, what.empty() ? "audit verify" : what, finding.what,
                           "Keep the files as they are: what follows this line proves nothing."});
  }
  std::string text = "whole: " + std::to_string(verdict->lines) + " lines";
  if (verdict->lines > 0) {
    text += ", seq " + std::to_string(verdict->first_seq) + " to " + std::to_string(verdict->last_seq);
    text += ", head " + verdict->head;
  }
  text += "\n";
  if (verdict->first_seq > 1) {
    text += "it begins after older lines, which are in none of these files\n";
  }
  if (verdict->torn > 0) {
    text += std::to_string(verdict->torn) + " torn lines, each named by the start line after it\n";
  }
  if (verdict->ends_torn) {
    text += "the last file ends within a line, which is not counted\n";
  }
  const Outcome<void> written = write_out(std::as_bytes(std::span(text)));
  return written ? exit_code::done : refuse(common, written.error());
}

/// Each file in turn; the number of lines that are none of a trail.
template <class Read>
Outcome<std::uint64_t> read_files(std::span<const std::string> files, Read read) {
  std::uint64_t strange = 0;
  for (const std::string& name : files) {
    std::ifstream file(name, std::ios::binary);
    if (!file) {
      return std::unexpected(Problem{exit_code::usage, name, "cannot be read", ""});
    }
    strange += read(file);
  }
  return strange;
}

void write_groups(std::span<const AuditGroup> groups, client::LockedBuffer& out) {
  for (const AuditGroup& group : groups) {
    write_text(printable(group.name) + "\t" + std::to_string(group.count) + "\t" + to_text(group.first) + "\t" +
                   to_text(group.last),
               out);
    std::string_view separator = "\t";
    for (const auto& [outcome, count] : group.outcomes) {
      write_text(std::string(separator) + printable(outcome) + "=" + std::to_string(count), out);
      separator = " ";
    }
    write_text("\n", out);
  }
}

int query(const Common& common, std::span<const std::string> files, const AuditFilter& filter,
          const std::optional<std::string>& by_text) {
  client::LockedBuffer out(client::LockedHeap::make());
  Outcome<void> written;
  Outcome<std::uint64_t> strange = std::uint64_t{0};
  if (by_text) {
    const std::optional<AuditGroupBy> by = group_by_from_text(*by_text);
    if (!by) {
      return refuse(common, usage_problem("audit", "--by is key, pod, service_account or domain"));
    }
    AuditGrouping grouping(filter, *by);
    strange = read_files(files, [&](std::istream& in) { return grouping.read(in); });
    write_text("NAME\tCOUNT\tFIRST\tLAST\tOUTCOMES\n", out);
    write_groups(grouping.groups(), out);
    written = write_out(out.bytes());
  } else {
    constexpr std::size_t at_once = std::size_t{64} * 1024;
    strange = read_files(files, [&](std::istream& in) {
      return query_audit(in, filter, [&](std::string_view line) {
        write_text(line, out);
        write_text("\n", out);
        if (out.bytes().size() > at_once && written) {
          written = write_out(out.bytes());
          out.consume(out.bytes().size());
        }
      });
    });
    if (written) {
      written = write_out(out.bytes());
    }
  }
  if (!strange || !written) {
    return refuse(common, strange ? written.error() : strange.error());
  }
  if (*strange > 0) {
    refuse(common, {exit_code::done, "audit query", std::to_string(*strange) + " lines are none of an audit trail",
                    "`tantalus audit verify` tells what is wrong."});
  }
  return exit_code::done;
}

int audit(const Command& self, Common& common, std::span<char* const> arguments) {
  Options options("audit");
  std::optional<std::string> head;
  std::optional<std::string> since;
  std::optional<std::string> by;
  AuditFilter filter;
  common.add_to(options);
  options.text("head", head).text("since", since).text("by", by);
  options.text("domain", filter.domain).text("key", filter.key).text("outcome", filter.outcome).text("pod", filter.pod);
  const Outcome<std::vector<std::string>> operands = options.parse(arguments);
  if (!operands) {
    return refuse(common, operands.error());
  }
  if (is_answered(self, common)) {
    return exit_code::done;
  }
  const std::string what = operands->empty() ? "" : operands->front();
  if (what != "verify" && what != "query") {
    return refuse(common, usage_problem("audit", "verify or query is wanted"));
  }
  const std::span<const std::string> files = std::span(*operands).subspan(1);
  if (files.empty()) {
    return refuse(common, usage_problem("audit", "a file is missing"));
  }
  const bool filters = since || by || filter.domain || filter.key || filter.outcome || filter.pod;
  if (what == "verify") {
    return filters ? refuse(common, usage_problem("audit", "verify takes no filter: it judges the whole"))
                   : verify(common, files, head);
  }
  if (head) {
    return refuse(common, usage_problem("audit", "--head is for verify"));
  }
  if (since) {
    const auto now = std::chrono::time_point_cast<WallMicros::duration>(std::chrono::system_clock::now());
    filter.since = parse_since(*since, now);
    if (!filter.since) {
      return refuse(common,
                    usage_problem("audit", "--since is a time, such as 2026-08-20T07:00:00Z, or how long ago: 7d"));
    }
  }
  return query(common, files, filter, by);
}

}  // namespace

const Command audit_command{"audit", "verify and query the agent's audit trail",
                            R"(Usage: tantalus audit verify [--head HASH] FILE...
       tantalus audit query [FILTERS] [--by COLUMN] FILE...

FILEs are read in the order given: oldest first.

verify checks the chain of lines, and names the first that was changed, is missing or was put
in. Exit code 1: it found something.
  --head HASH          a hash that must be in the chain, known from elsewhere: finds a cut tail
                       and a chain made anew

query prints the lines that match every filter, or counts them by a column.
  --domain DOMAIN
  --key KEY
  --pod POD            its name, or NAMESPACE/NAME
  --outcome OUTCOME    ok, or an error's code
  --since TIME         2026-08-20T07:00:00Z, or how long ago: 90s, 30m, 12h, 7d
  --by COLUMN          key, pod, service_account or domain
)",
                            audit};

}  // namespace tantalus::cli
