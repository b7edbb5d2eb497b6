// SPDX-License-Identifier: Apache-2.0
#include "agent/observe/cache_page.h"

#include <map>
#include <utility>

#include "agent/observe/json_writer.h"
#include "agent/observe/query.h"

namespace tantalus {
namespace {

/// Orders entries and tells any two apart. A part's end is marked, so that no two lists of parts read the same.
std::string place_of(const CacheReport& entry) {
  std::string place;
  for (const std::string_view part : {entry.domain, entry.source, entry.scope, entry.id, entry.key, entry.field}) {
    for (const char byte : part) {
      place += byte;
      if (byte == '\0') {
        place += '\1';
      }
    }
    place.append(2, '\0');
  }
  place += std::to_string(entry.integration) + "." + std::to_string(entry.asked_version);
  return place;
}

std::string item_of(const CacheReport& entry) {
  JsonWriter json;
  json.begin_object().member("domain", entry.domain).member("source", entry.source).member("scope", entry.scope);
  json.member("id", entry.id).member("key", entry.key).member("field", entry.field).member("version", entry.version);
  json.member("bytes", entry.bytes).member("age_ms", entry.age.count()).member("ttl_ms", entry.ttl.count());
  json.member("state", entry.state).member("hits", entry.hits);
  json.member("used_at", entry.used_at.time_since_epoch().count()).end_object();
  return std::move(json).take();
}

}  // namespace

std::string cache_page(const Inspect& inspect, const CacheFilter& filter, const PageRequest& page) {
  std::map<std::string, std::string> kept;  // At most one more than the page holds.
  inspect.visit_cache(filter, [&](const CacheReport& entry) {
    std::string place = place_of(entry);
    if (!page.after.empty() && place <= page.after) {
      return;
    }
    if (kept.size() > page.limit && place >= kept.rbegin()->first) {
      return;
    }
    kept.insert_or_assign(std::move(place), item_of(entry));
    if (kept.size() > page.limit + 1) {
      kept.erase(std::prev(kept.end()));
    }
  });
  const bool has_more = kept.size() > page.limit;
  if (has_more) {
    kept.erase(std::prev(kept.end()));
  }
  std::string body = "{\"items\":[";
  for (const auto& [place, item] : kept) {
    body += body.back() == '[' ? "" : ",";
    body += item;
  }
  body += "],\"next\":";
  body += has_more ? "\"" + to_hex(kept.rbegin()->first) + "\"" : "null";
  body += "}";
  return body;
}

}  // namespace tantalus
