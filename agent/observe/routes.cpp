// SPDX-License-Identifier: Apache-2.0
#include "agent/observe/routes.h"

#include <array>
#include <charconv>
#include <span>
#include <utility>

#include "agent/observe/cache_page.h"
#include "agent/observe/json_writer.h"
#include "agent/observe/query.h"
#include "protocol/reference.h"

namespace tantalus {
namespace {

struct Context {
  const Target& target;
  Inspect& inspect;
  const Operator& who;
};

using Handler = HttpResponse (*)(const Context& context);

HttpResponse ok(JsonWriter json, int status = 200) {
  return {status, std::move(json).take(), {}};
}

HttpResponse get_health(const Context& /*context*/) {
  JsonWriter json;
  json.begin_object().member("healthy", true).end_object();
  return ok(std::move(json));
}

HttpResponse get_readiness(const Context& context) {
  const ReadinessReport report = context.inspect.readiness();
  JsonWriter json;
  json.begin_object().member("ready", report.ready).name("backends").begin_array();
  for (const BackendReport& backend : report.backends) {
    json.begin_object().member("backend", backend.backend).member("domain", backend.domain).member("id", backend.id);
    json.member("state", to_text(backend.state)).name("since_at");
    if (backend.since_at) {
      json.value(backend.since_at->time_since_epoch().count());
    } else {
      json.null();
    }
    json.member("why", backend.why).end_object();
  }
  json.end_array().end_object();
  return ok(std::move(json), report.ready ? 200 : 503);
}

void write_config(JsonWriter& json, const StatusReport::Config& config) {
  json.name("config").begin_object().member("path", config.path).member("sha256", config.sha256);
  json.member("loaded_at", config.loaded_at.time_since_epoch().count()).member("outcome", config.outcome).name("error");
  if (config.error.empty()) {
    json.null();
  } else {
    json.value(config.error);
  }
  json.end_object();
}

HttpResponse get_status(const Context& context) {
  const StatusReport report = context.inspect.status();
  JsonWriter json;
  json.begin_object().member("version", report.version).member("commit", report.commit);
  json.member("started_at", report.started_at.time_since_epoch().count()).member("uptime_ms", report.uptime.count());
  write_config(json, report.config);
  json.name("loop_lag_us").begin_object().member("p50", report.loop_lag_us_p50);
  json.member("p99", report.loop_lag_us_p99).end_object();
  json.name("memory").begin_object().member("kind", report.memory.kind).member("limit", report.memory.limit);
  json.member("used", report.memory.used).member("peak", report.memory.peak).end_object();
  json.member("connections", report.connections);
  json.name("fds").begin_object().member("open", report.fds_open).member("limit", report.fds_limit).end_object();
  json.member("peer", report.peer).name("audit");
  if (report.audit) {
    json.begin_object().member("seq", report.audit->seq).member("hash", report.audit->hash).end_object();
  } else {
    json.null();
  }
  json.name("hardening").begin_array();
  for (const StatusReport::Step& step : report.hardening) {
    json.begin_object()
        .member("step", step.step)
        .member("in_force", step.in_force)
        .member("why", step.why)
        .end_object();
  }
  json.end_array().end_object();
  return ok(std::move(json));
}

HttpResponse bad_parameter(std::string_view name, std::string_view why) {
  return http_error(400, "parameter " + std::string(name) + ": " + std::string(why));
}

struct CacheQuery {
  CacheFilter filter;
  PageRequest page;
};

/// What a list's parameters say; the error's message names the one that is wrong.
Result<CacheQuery> parse_cache_query(const Target& target, bool is_paged) {
  CacheQuery query;
  const auto wrong = [](const QueryParameter& parameter, std::string_view why) {
    return fail(Code::invalid_request, "parameter " + parameter.name + ": " + std::string(why));
  };
  for (const QueryParameter& parameter : target.parameters) {
    const auto& [name, value] = parameter;
    if (name == "domain") {
      query.filter.domain = value;
    } else if (name == "key") {
      query.filter.key = value;
    } else if (name == "source") {
      const auto source = source_from_text(value);
      if (!source) {
        return wrong(parameter, "one of kubernetes, vault, file");
      }
      query.filter.source = std::string(to_text(*source));
    } else if (name == "scope") {
      const auto scope = scope_from_text(value);
      if (!scope) {
        return wrong(parameter, "one of domain, global, admin");
      }
      query.filter.scope = std::string(to_text(*scope));
    } else if (name == "limit" && is_paged) {
      const char* const end = value.data() + value.size();
      const auto [stop, error] = std::from_chars(value.data(), end, query.page.limit);
      if (error != std::errc() || stop != end || query.page.limit < 1 || query.page.limit > PageRequest::most) {
        return wrong(parameter, "a number from 1 to 1000");
      }
    } else if (name == "cursor" && is_paged) {
      auto after = from_hex(value);
      if (!after || after->empty()) {
        return wrong(parameter, "not one that an earlier answer gave as `next`");
      }
      query.page.after = *std::move(after);
    } else {
      return wrong(parameter, is_paged ? "not one of domain, source, scope, key, limit, cursor"
                                       : "not one of domain, source, scope, key");
    }
  }
  return query;
}

HttpResponse get_cache(const Context& context) {
  const auto query = parse_cache_query(context.target, true);
  if (!query) {
    return http_error(400, query.error().message);
  }
  return {200, cache_page(context.inspect, query->filter, query->page), {}};
}

HttpResponse delete_cache(const Context& context) {
  const auto query = parse_cache_query(context.target, false);
  if (!query) {
    return http_error(400, query.error().message);
  }
  const auto flushed = context.inspect.flush_cache(query->filter, context.who);
  if (!flushed) {
    return http_error(503, flushed.error().message);
  }
  JsonWriter json;
  json.begin_object().member("flushed", *flushed).end_object();
  return ok(std::move(json));
}

struct Route {
  std::string_view path;
  std::string_view allow;
  Handler get = nullptr;
  Handler remove = nullptr;
  bool has_parameters = false;
};

constexpr Route routes[] = {
    {"/healthz", "GET, HEAD", get_health},
    {"/readyz", "GET, HEAD", get_readiness},
    {"/v1/status", "GET, HEAD", get_status},
    {"/v1/cache", "GET, HEAD, DELETE", get_cache, delete_cache, true},
};

const Route* find_route(std::string_view path) noexcept {
  for (const Route& route : routes) {
    if (route.path == path) {
      return &route;
    }
  }
  return nullptr;
}

}  // namespace

HttpResponse answer_operator(const HttpRequest& request, Inspect& inspect, const Operator& who) {
  const auto target = parse_target(request.target);
  if (!target) {
    return http_error(400, target.error().message);
  }
  const Route* const route = find_route(target->path);
  if (route == nullptr) {
    return http_error(404, "no such path");
  }
  const bool reads = request.method == "GET" || request.method == "HEAD";
  const Handler handler = reads ? route->get : request.method == "DELETE" ? route->remove : nullptr;
  if (handler == nullptr) {
    HttpResponse refused = http_error(405, request.method + " is not for this path");
    refused.allow = route->allow;
    return refused;
  }
  if (!route->has_parameters && !target->parameters.empty()) {
    return bad_parameter(target->parameters.front().name, "this path takes none");
  }
  return handler({*target, inspect, who});
}

}  // namespace tantalus
