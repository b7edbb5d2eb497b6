// SPDX-License-Identifier: Apache-2.0
#include "client/cli/job.h"

#include "tests/support/catch.h"

using namespace tantalus::cli;

namespace {

std::string outline(std::string_view text) {
  const Outcome<Job> job = parse_job(text, "job");
  if (!job) {
    return job.error().what + ": " + job.error().why;
  }
  std::string out;
  for (const Job::Entry& entry : job->environment) {
    out += "env " + entry.name + " " + entry.argument.uri + "\n";
  }
  for (const Job::Entry& entry : job->spark_conf) {
    out += "conf " + entry.name + " " + entry.argument.uri + "\n";
  }
  return out + (job->storage ? "storage " + job->storage->uri + "\n" : "");
}

}  // namespace

TEST_CASE("a Spark job's references are found under its template", "[client]") {
  CHECK(outline(R"({
    "name": "etl",
    "template": {
      "envVars": {"PLAIN": "tantalus:///not-read-here"},
      "envSecrets": [
        {"key": "DB_PASSWORD", "secretObject": {"key": "db-password", "source": {"type": "KUBERNETES", "id": "finance"}}},
        {"key": "API_KEY", "secretObject": {"key": "datadog-api-key", "source": {"type": "VAULT", "id": "main"}}}
      ],
      "sparkConf": {"spark.executor.memory": "1g"},
      "sparkConfSecrets": [
        {"key": "spark.hadoop.fs.s3a.secret.key",
         "secretObject": {"key": "analytics-aws-secret-key", "source": {"type": "KUBERNETES", "id": "finance"}}}
      ]
    }
  })") ==
        "env DB_PASSWORD tantalus://kubernetes/db-password?id=finance\n"
        "env API_KEY tantalus://vault/datadog-api-key?id=main\n"
        "conf spark.hadoop.fs.s3a.secret.key tantalus://kubernetes/analytics-aws-secret-key?id=finance\n");
}

TEST_CASE("computes nest theirs under sparkConfig, notebooks under config, others have them at the top", "[client]") {
  const std::string entry = R"([{"key":"A","secretObject":{"key":"k","source":{"type":"KUBERNETES"}}}])";
  CHECK(outline(R"({"sparkConfig":{"envSecrets":)" + entry + "}}") == "env A tantalus://kubernetes/k\n");
  CHECK(outline(R"({"config":{"envSecrets":)" + entry + "}}") == "env A tantalus://kubernetes/k\n");
  CHECK(outline(R"({"envSecrets":)" + entry + "}") == "env A tantalus://kubernetes/k\n");
  CHECK(outline(R"({"template":{"sparkConfig":{"envSecrets":)" + entry + "}}}") == "env A tantalus://kubernetes/k\n");
}

TEST_CASE("a storage's reference wins over the plain key beside it, which is left alone", "[client]") {
  CHECK(outline(
            R"({"secretKey":"AKIA","storageSecret":{"key":"finance-s3-secret-key","source":{"type":"KUBERNETES"}}})") ==
        "storage tantalus://kubernetes/finance-s3-secret-key\n");
}

TEST_CASE("a job without references has none", "[client]") {
  CHECK(outline(R"({"name":"x","template":{"envSecrets":[],"sparkConfSecrets":null},"storageSecret":null})").empty());
}

TEST_CASE("a reference that can't be read refuses the job and says where", "[client][trap-125]") {
  CHECK(outline(R"({"envSecrets":[{"key":"A"}]})") == "job: envSecrets[0].secretObject: must be there once");
  CHECK(outline(R"({"template":{"envSecrets":[{"key":"A","secretObject":null}]}})") ==
        "job: template.envSecrets[0].secretObject: must be an object with key and source");
  CHECK(outline(R"({"envSecrets":[{"key":"A","secretObject":{"key":"k","source":{"type":"S3"}}}]})") ==
        "job: envSecrets[0].secretObject: source.type must be KUBERNETES or VAULT");
  CHECK(outline(R"({"envSecrets":[{"key":"A=B","secretObject":{"key":"k","source":{"type":"VAULT"}}}]})") ==
        "job: envSecrets[0].key: must be a name");
  CHECK(outline(R"({"envSecrets":{}})") == "job: envSecrets: must be an array of {key, secretObject}");
  CHECK(outline(R"({"envSecrets":[7]})") == "job: envSecrets[0]: must be an object with key and secretObject");
  CHECK(outline("[]") == "job: must be an object");
  const std::string a = R"({"key":"A","secretObject":{"key":"k","source":{"type":"VAULT"}}})";
  CHECK(outline(R"({"envSecrets":[)" + a + "," + a + "]}") == "job: envSecrets[1].key: A stands twice");
  CHECK(outline(R"({"storageSecret":{"key":"k","source":{"type":"VAULT","id":1}}})") ==
        "job: storageSecret: source.id must be there once, as text");
}

TEST_CASE("what is no JSON is refused, however deep", "[client]") {
  CHECK_THAT(outline("{\"envSecrets\": ["), Catch::Matchers::StartsWith("job: it is not JSON (seen at byte "));
  CHECK_THAT(outline("{} x"), Catch::Matchers::StartsWith("job: it is not JSON"));
  CHECK_THAT(outline(std::string(100'000, '[')), Catch::Matchers::StartsWith("job: it is not JSON"));
  CHECK_THAT(outline(std::string_view("{}\0{}", 5)), Catch::Matchers::StartsWith("job: it is not JSON"));
  CHECK_THAT(outline("{\"a\":\"\xff\"}"), Catch::Matchers::StartsWith("job: it is not JSON"));
}
