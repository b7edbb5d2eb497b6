// SPDX-License-Identifier: Apache-2.0
// The command as people and programs use it, against the real agent.
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>

#include "tests/support/catch.h"
#include "tests/support/command.h"
#include "tests/support/daemon.h"
#include "tests/support/temp_dir.h"

using namespace tantalus::test;

namespace {

constexpr const char* tantalus_program = TANTALUS;

std::string read_text(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

/// A daemon (whose manifests take values as YAML's double quotes hold them) with secrets of two domains, the global
/// store and the admin's, and the command as one of its users.
class World {
 public:
  World() {
    daemon.write_manifest("finance.yaml",
                          Daemon::manifest("finance", {{"db-password", "of finance"},
                                                       {"token", R"(it's \"quoted\"\n)"},
                                                       {"own", "finance's own"},
                                                       {"json", R"({\"user\":\"app\",\"port\":5432})"}}));
    daemon.write_manifest("sales.yaml", Daemon::manifest("sales", {{"db-password", "of sales"}}));
    daemon.write_manifest("global.yaml", Daemon::manifest("", {{"telemetry", "of all"}}));
    daemon.write_manifest("admin.yaml", Daemon::manifest("admin", {{"root", "of admins"}}));
  }

  [[nodiscard]] Finished call(std::vector<std::string> words, uid_t user = 1001,
                              std::map<std::string, std::string> environment = {}, std::string input = {}) const {
    words.insert(words.begin(), tantalus_program);
    environment.try_emplace("TANTALUS_SOCKET", daemon.socket());
    return run({std::move(words), std::move(environment), user, std::move(input)});
  }
  void rotate(const std::string& value) const {
    daemon.write_manifest("finance.yaml", Daemon::manifest("finance", {{"db-password", value}, {"own", "same"}}));
  }

  Daemon daemon;
};

/// A command that goes on while the test does; its output goes to a file.
class Background {
 public:
  Background(std::vector<std::string> words, const std::map<std::string, std::string>& environment, uid_t user,
             std::string output)
      : output_(std::move(output)) {
    words.insert(words.begin(), tantalus_program);
    child_ = fork();
    if (child_ == 0) {
      const int fd = open(output_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
      std::vector<char*> argv;
      for (std::string& word : words) {
        argv.push_back(word.data());
      }
      argv.push_back(nullptr);
      for (const auto& [name, value] : environment) {
        setenv(name.c_str(), value.c_str(), 1);
      }
      if (fd < 0 || dup2(fd, STDOUT_FILENO) < 0 || setresgid(user, user, user) != 0 ||
          setresuid(user, user, user) != 0) {
        _exit(99);
      }
      execv(argv[0], argv.data());
      _exit(98);
    }
  }
  ~Background() {
    kill(child_, SIGKILL);
    waitpid(child_, nullptr, 0);
  }
  Background(const Background&) = delete;
  Background& operator=(const Background&) = delete;

  [[nodiscard]] std::string output() const { return read_text(output_); }
  [[nodiscard]] bool says(const std::string& text) const {
    return eventually([&] { return output().find(text) != std::string::npos; });
  }

 private:
  std::string output_;
  pid_t child_ = -1;
};

bool is_root() {
  return geteuid() == 0;
}

}  // namespace

TEST_CASE("each exit code of the contract is the one that its failure gives", "[cli][promise-1][promise-4]") {
  if (!is_root()) {
    SKIP("two users need root");
  }
  World world;
  REQUIRE(world.daemon.start());
  CHECK(world.call({"get", "db-password"}).exit_code == 0);
  CHECK(world.call({"get"}).exit_code == 2);
  CHECK(world.call({"nonsense"}).exit_code == 2);
  CHECK(world.call({}).exit_code == 2);
  CHECK(world.call({"get", "--nonsense", "k"}).exit_code == 2);
  CHECK(world.call({"get", "no-such-key"}).exit_code == 3);
  CHECK(world.call({"get", "own"}, 1002).exit_code == 3);
  CHECK(world.call({"get", "root", "--scope", "admin"}).exit_code == 4);
  CHECK(world.call({"get", "db-password"}, 1003).exit_code == 4);
  CHECK(world.call({"get", "db-password"}, 65534).exit_code == 5);
  CHECK(world.call({"get", "db-password", "--socket", "/nonexistent"}).exit_code == 6);
  CHECK(world.call({"get", "tantalus://vault/db-password"}).exit_code == 7);
  CHECK(world.call({"get", "not a key"}).exit_code == 8);
  CHECK(world.call({"get", "tantalus://file/k?colour=red"}).exit_code == 8);
}

TEST_CASE("a value is its bytes and nothing else, each domain's its own", "[cli][promise-1]") {
  if (!is_root()) {
    SKIP("two users need root");
  }
  World world;
  REQUIRE(world.daemon.start());
  CHECK(world.call({"get", "db-password"}, 1001).out == "of finance");
  CHECK(world.call({"get", "db-password"}, 1002).out == "of sales");
  CHECK(world.call({"get", "telemetry", "--scope", "global"}, 1002).out == "of all");
  CHECK(world.call({"get", "tantalus://file/json#port"}).out == "5432");
  CHECK(world.call({"get", "json", "--field", "user"}).out == "app");
  CHECK(world.call({"get", "tantalus:///gone?default=instead"}).out == "instead");
  const Finished optional = world.call({"get", "tantalus:///gone?optional=true"});
  CHECK(optional.exit_code == 0);
  CHECK(optional.out.empty());
  CHECK(world.call({"get", R"({"key":"db-password","source":{"type":"FILE","id":"finance"}})"}).out == "of finance");
  CHECK(world.call({"get", "--format", "base64", "db-password", "own"}).out ==
        "b2YgZmluYW5jZQ==\nZmluYW5jZSdzIG93bg==\n");
  CHECK(world.call({"get", "--format", "env", "token"}).out == "TOKEN='it'\\''s \"quoted\"\n'\n");
  const Finished json = world.call({"get", "--format", "json", "token", "db-password"});
  CHECK_THAT(json.out, Catch::Matchers::StartsWith(R"([{"key":"token","source":"file","scope":"domain","version":")"));
  CHECK_THAT(json.out, Catch::Matchers::ContainsSubstring(R"("value":"it's \"quoted\"\n"})"));
  // One that fails leaves nothing of the others, and is named.
  const Finished half = world.call({"get", "--format", "json", "db-password", "gone"});
  CHECK(half.exit_code == 3);
  CHECK(half.out.empty());
  CHECK_THAT(half.err, Catch::Matchers::StartsWith("tantalus: gone: "));
  CHECK(world.call({"get", "db-password", "own"}).exit_code == 2);
  CHECK(world.call({"get", "--quiet", "gone"}).err.empty());
}

TEST_CASE("a newline follows a value on a terminal alone", "[cli]") {
  if (!is_root()) {
    SKIP("the agent's rules name uid 1001");
  }
  World world;
  REQUIRE(world.daemon.start());
  const std::string command = std::string(tantalus_program) + " get db-password";
  const Finished finished =
      run({{"script", "-qec", command, "/dev/null"}, {{"TANTALUS_SOCKET", world.daemon.socket()}}, 1001, ""});
  CHECK(finished.out == "of finance\r\n");
}

TEST_CASE("exec resolves what is a whole reference and leaves the rest of the environment alone", "[cli][trap-133]") {
  if (!is_root()) {
    SKIP("two users need root");
  }
  World world;
  REQUIRE(world.daemon.start());
  TempDir dir;
  chmod(dir.path().c_str(), 0755);
  std::ofstream(dir / "env") << "# from a file\nFROM_FILE=tantalus:///own\nPLAIN=as it stands\n";
  const std::map<std::string, std::string> environment{{"URI", "tantalus:///db-password"},
                                                       {"PLATFORM", R"({"key":"telemetry","source":{"type":"FILE"}})"},
                                                       {"WITHIN", "jdbc:tantalus:///db-password"},
                                                       {"OPTIONAL", "tantalus:///gone?optional=true"},
                                                       {"DEFAULTED", "tantalus:///gone?default=x%20y"}};
  const Finished finished = world.call(
      {"exec", "--env", "GLOBAL=tantalus:///telemetry?scope=global", "--env-file", dir / "env", "--", "env"}, 1001,
      {{"URI", "tantalus:///db-password"},
       {"WITHIN", "jdbc:tantalus:///db-password"},
       {"OPTIONAL", "tantalus:///gone?optional=true"},
       {"DEFAULTED", "tantalus:///gone?default=x%20y"}});
  REQUIRE(finished.exit_code == 0);
  const std::string out = "\n" + finished.out;
  for (const char* line : {"\nURI=of finance\n", "\nGLOBAL=of all\n", "\nFROM_FILE=finance's own\n",
                           "\nPLAIN=as it stands\n", "\nWITHIN=jdbc:tantalus:///db-password\n", "\nDEFAULTED=x y\n"}) {
    CHECK_THAT(out, Catch::Matchers::ContainsSubstring(line));
  }
  CHECK_THAT(out, !Catch::Matchers::ContainsSubstring("\nOPTIONAL="));
  // The platform's JSON names a key of the domain, where there is none of that name.
  CHECK(world.call({"exec", "true"}, 1001, environment).exit_code == 125);
}

TEST_CASE("one bad reference of five runs nothing, and each bad one is named with its reason", "[cli][trap-125]") {
  if (!is_root()) {
    SKIP("two users need root");
  }
  World world;
  REQUIRE(world.daemon.start());
  const Finished finished = world.call({"exec", "--", "sh", "-c", "echo it ran"}, 1001,
                                       {{"A", "tantalus:///db-password"},
                                        {"B", "tantalus:///own"},
                                        {"C", "tantalus:///gone"},
                                        {"D", "tantalus://nowhere/k"},
                                        {"E", "tantalus:///root?scope=admin"}});
  CHECK(finished.exit_code == 125);
  CHECK(finished.out.empty());
  CHECK_THAT(finished.err, Catch::Matchers::ContainsSubstring("tantalus: C: "));
  CHECK_THAT(finished.err, Catch::Matchers::ContainsSubstring("tantalus: D: "));
  CHECK_THAT(finished.err, Catch::Matchers::ContainsSubstring("tantalus: E: "));
  CHECK_THAT(finished.err, !Catch::Matchers::ContainsSubstring("tantalus: A: "));
  CHECK_THAT(finished.err, !Catch::Matchers::ContainsSubstring("of finance"));
}

TEST_CASE("exec becomes the command: its pid, its exit code, its descriptors", "[cli]") {
  World world;  // Not started: without a reference the agent is not asked.
  CHECK(world.call({"exec", "--", "sh", "-c", "exit 3"}, geteuid()).exit_code == 3);
  CHECK(world.call({"exec", "sh", "-c", "exit 4"}, geteuid()).exit_code == 4);
  CHECK(world.call({"exec", "no-such-command"}, geteuid()).exit_code == 127);
  CHECK(world.call({"exec", "/"}, geteuid()).exit_code == 126);
  CHECK(world.call({"exec"}, geteuid()).exit_code == 125);
  CHECK(world.call({"exec", "--nonsense", "true"}, geteuid()).exit_code == 125);
  CHECK(world.call({"exec", "--env", "A=tantalus:///k", "true"}, geteuid()).exit_code == 125);
  CHECK(world.call({"exec", "sh", "-c", "kill -TERM $$"}, geteuid()).exit_code == -SIGTERM);
  const Finished same =
      world.call({"exec", "sh", "-c", "ps -o ppid= -p $$ 2>/dev/null || cut -d' ' -f4 /proc/$$/stat"}, geteuid());
  CHECK(std::stoi(same.out) == getpid());
}

TEST_CASE("exec leaks none of its own descriptors", "[cli]") {
  if (!is_root()) {
    SKIP("the agent's rules name uid 1001");
  }
  World world;
  REQUIRE(world.daemon.start());
  const auto list = [&](const std::string& reference) {
    return world.call({"exec", "--env", "A=" + reference, "--", "sh", "-c", "ls /proc/$$/fd"}).out;
  };
  const Finished plain = world.call({"exec", "--", "sh", "-c", "ls /proc/$$/fd"});
  CHECK(list("tantalus:///db-password") == plain.out);
}

TEST_CASE("--file gives the value as a sealed file in memory", "[cli]") {
  if (!is_root()) {
    SKIP("the agent's rules name uid 1001");
  }
  World world;
  REQUIRE(world.daemon.start());
  world.daemon.write_manifest("ops.yaml", Daemon::manifest("ops", {{"token", R"(it's \"quoted\"\n)"}}));
  REQUIRE(eventually([&] { return world.call({"get", "token"}, 0).exit_code == 0; }));
  // As root, whom the file's mode does not stop, so that it is the seal that does.
  const std::string script =
      R"(cat "$SECRET_FILE"; stat -Lc %a "$SECRET_FILE"; (echo x >>"$SECRET_FILE") 2>/dev/null || echo sealed; )"
      R"(echo "$SECRET_FILE")";
  const Finished finished = world.call({"exec", "--file", "SECRET_FILE=token", "--", "sh", "-c", script}, 0);
  CHECK(finished.exit_code == 0);
  CHECK_THAT(finished.out, Catch::Matchers::StartsWith("it's \"quoted\"\n400\nsealed\n/proc/self/fd/"));
}

TEST_CASE("--from reads a job of the platform, Spark's settings as a properties file", "[cli]") {
  if (!is_root()) {
    SKIP("the agent's rules name uid 1001");
  }
  World world;
  REQUIRE(world.daemon.start());
  TempDir dir;
  chmod(dir.path().c_str(), 0755);
  std::ofstream(dir / "job.json") << R"({"name": "etl", "template": {
    "envSecrets": [{"key": "DB_PASSWORD", "secretObject": {"key": "db-password", "source": {"type": "FILE", "id": "finance"}}}],
    "sparkConfSecrets": [{"key": "spark.hadoop.x", "secretObject": {"key": "token", "source": {"type": "FILE", "id": "finance"}}}]},
    "storageSecret": {"key": "own", "source": {"type": "FILE", "id": "finance"}}})";
  const std::string show = "echo \"$DB_PASSWORD|$TANTALUS_STORAGE_SECRET\"; cat \"$TANTALUS_SPARK_PROPERTIES\"";
  const Finished finished = world.call({"exec", "--from", dir / "job.json", "--", "sh", "-c", show});
  CHECK(finished.err.empty());
  CHECK(finished.out == "of finance|finance's own\nspark.hadoop.x=it's \"quoted\"\\n\n");

  std::ofstream(dir / "spark-submit") << "#!/bin/sh\necho \"$1 $3\"; cat \"$2\"\n";
  chmod((dir / "spark-submit").c_str(), 0755);
  const Finished submitted = world.call({"exec", "--from", dir / "job.json", "--", dir / "spark-submit", "app.py"});
  CHECK(submitted.out == "--properties-file app.py\nspark.hadoop.x=it's \"quoted\"\\n\n");

  std::ofstream(dir / "bad.json") << R"({"envSecrets": [{"key": "A", "secretObject": {"key": "k"}}]})";
  const Finished bad = world.call({"exec", "--from", dir / "bad.json", "--", "echo", "it ran"});
  CHECK(bad.exit_code == 125);
  CHECK(bad.out.empty());
}

TEST_CASE("more references than one call takes are resolved in several", "[cli]") {
  if (!is_root()) {
    SKIP("the agent's rules name uid 1001");
  }
  World world;
  REQUIRE(world.daemon.start());
  std::map<std::string, std::string> environment;
  for (int i = 0; i < 600; ++i) {
    environment.emplace("N" + std::to_string(i), "tantalus:///db-password");
  }
  const Finished finished =
      world.call({"exec", "--", "sh", "-c", "env | grep -c '^N.*=of finance$'"}, 1001, environment);
  CHECK(finished.out == "600\n");
}

TEST_CASE("render fills templates in, and writes files that only their owner reads", "[cli]") {
  if (!is_root()) {
    SKIP("the agent's rules name uid 1001");
  }
  World world;
  REQUIRE(world.daemon.start());
  const std::string text =
      "password = {{ tantalus:///db-password }}\nurl = db/{{ name }}?p={{tantalus:///db-password}}\n";
  const std::string filled = "password = of finance\nurl = db/{{ name }}?p=of finance\n";
  CHECK(world.call({"render", "-"}, 1001, {}, text).out == filled);

  std::string folder = "/dev/shm/tantalus-test-XXXXXX";
  REQUIRE(mkdtemp(folder.data()) != nullptr);
  REQUIRE(chown(folder.c_str(), 1001, 1001) == 0);
  const std::string target = folder + "/app.conf";
  CHECK(world.call({"render", "-", "-o", target}, 1001, {}, text).exit_code == 0);
  CHECK(read_text(target) == filled);
  struct stat status{};
  REQUIRE(stat(target.c_str(), &status) == 0);
  CHECK((status.st_mode & 0777) == 0600);
  // What fails leaves the old file, and no other.
  CHECK(world.call({"render", "-", "-o", target}, 1001, {}, "{{ tantalus:///gone }}").exit_code == 3);
  CHECK(world.call({"render", "-", "-o", target}, 1001, {}, "{{ tantalus://nowhere/k }}").exit_code == 8);
  CHECK(read_text(target) == filled);
  CHECK(std::distance(std::filesystem::directory_iterator(folder), {}) == 1);
  std::filesystem::remove_all(folder);
}

TEST_CASE("render keeps values off disks unless it is told otherwise", "[cli]") {
  if (!is_root()) {
    SKIP("the agent's rules name uid 1001");
  }
  World world;
  REQUIRE(world.daemon.start());
  std::string folder = std::filesystem::current_path() / "render-test-XXXXXX";
  REQUIRE(mkdtemp(folder.data()) != nullptr);
  struct statfs system{};
  REQUIRE(statfs(folder.c_str(), &system) == 0);
  if (system.f_type == 0x01021994) {
    std::filesystem::remove_all(folder);
    SKIP("the build folder is on a tmpfs");
  }
  const std::string target = folder + "/app.conf";
  const Finished refused = world.call({"render", "-", "-o", target}, 0, {}, "{{ tantalus:///x?default=y }}");
  CHECK(refused.exit_code == 2);
  CHECK_THAT(refused.err, Catch::Matchers::ContainsSubstring("--allow-disk"));
  CHECK_FALSE(std::filesystem::exists(target));
  CHECK(world.call({"render", "-", "-o", target, "--allow-disk"}, 0, {}, "{{ tantalus:///x?default=y }}").exit_code ==
        0);
  CHECK(read_text(target) == "y");
  std::filesystem::remove_all(folder);
}

TEST_CASE("watch tells changes and never a value, also over a restart of the agent", "[cli][trap-130]") {
  if (!is_root()) {
    SKIP("the agent's rules name uid 1001");
  }
  World world;
  REQUIRE(world.daemon.start());
  TempDir dir;
  const Background watch({"watch", "db-password", "tantalus://file/own", "later"},
                         {{"TANTALUS_SOCKET", world.daemon.socket()}}, 1001, dir / "out");
  // Its subscription is in the audit trail before anything is rotated.
  REQUIRE(eventually([&] { return read_text(world.daemon.audit()).find("\"subscribe\"") != std::string::npos; }));
  world.rotate("rotated once");
  REQUIRE(watch.says("tantalus://file/db-password\t"));
  REQUIRE(watch.says("tantalus://file/own\t"));
  const std::string before = watch.output();
  REQUIRE(world.daemon.stop() == 0);
  REQUIRE(world.daemon.start());
  REQUIRE(eventually([&] { return world.call({"ping"}).exit_code == 0; }));
  world.daemon.write_manifest(
      "finance.yaml",
      Daemon::manifest("finance", {{"db-password", "rotated once"}, {"own", "same"}, {"later", "appears"}}));
  REQUIRE(watch.says("tantalus://file/later\t"));
  const std::string after = watch.output();
  CHECK(after.substr(before.size()).find("db-password") == std::string::npos);
  CHECK(after.find("rotated") == std::string::npos);
}

TEST_CASE("watch runs a command with the reference that changed", "[cli]") {
  if (!is_root()) {
    SKIP("the agent's rules name uid 1001");
  }
  World world;
  REQUIRE(world.daemon.start());
  TempDir dir;
  const Background watch({"watch", "db-password", "--", "sh", "-c", "echo \"changed: $TANTALUS_CHANGED\""},
                         {{"TANTALUS_SOCKET", world.daemon.socket()}}, 1001, dir / "out");
  REQUIRE(eventually([&] { return read_text(world.daemon.audit()).find("\"subscribe\"") != std::string::npos; }));
  world.rotate("rotated");
  CHECK(watch.says("changed: tantalus://file/db-password\n"));
}

TEST_CASE("watch refuses what it may not hear of", "[cli]") {
  if (!is_root()) {
    SKIP("the agent's rules name uid 1001");
  }
  World world;
  REQUIRE(world.daemon.start());
  CHECK(world.call({"watch", "root", "--scope", "admin"}).exit_code == 4);
  CHECK(world.call({"watch"}).exit_code == 2);
  CHECK(world.call({"watch", "k", "--"}).exit_code == 2);
}

TEST_CASE("--wait and TANTALUS_WAIT find an agent that starts later", "[cli][trap-131]") {
  if (!is_root()) {
    SKIP("the agent's rules name uid 1001");
  }
  World world;
  const bool by_variable = GENERATE(false, true);
  Finished finished;
  std::thread early([&] {
    finished = by_variable ? world.call({"get", "db-password"}, 1001, {{"TANTALUS_WAIT", "30s"}})
                           : world.call({"get", "db-password", "--wait", "30s"});
  });
  std::this_thread::sleep_for(std::chrono::milliseconds(400));
  const bool started = world.daemon.start();
  early.join();
  REQUIRE(started);
  CHECK(finished.exit_code == 0);
  CHECK(finished.out == "of finance");
}

TEST_CASE("--wait ends in time when no agent comes, and a refusal is not waited out", "[cli]") {
  World world;
  CHECK(world.call({"get", "k", "--wait", "300ms"}, geteuid()).exit_code == 6);
  CHECK(world.call({"get", "k", "--wait", "soon"}, geteuid()).exit_code == 2);
  CHECK(world.call({"get", "k"}, geteuid(), {{"TANTALUS_WAIT", "soon"}}).exit_code == 2);
  if (!is_root()) {
    return;
  }
  REQUIRE(world.daemon.start());
  const auto begin = std::chrono::steady_clock::now();
  CHECK(world.call({"get", "gone", "--wait", "1h"}).exit_code == 3);
  CHECK(std::chrono::steady_clock::now() - begin < std::chrono::seconds(30));
}

TEST_CASE("list, whoami, ping and check tell what they are to tell", "[cli][promise-4]") {
  if (!is_root()) {
    SKIP("two users need root");
  }
  World world;
  REQUIRE(world.daemon.start());
  const Finished table = world.call({"list"});
  CHECK_THAT(table.out, Catch::Matchers::StartsWith("KEY "));
  CHECK_THAT(table.out, Catch::Matchers::ContainsSubstring("SOURCE"));
  CHECK_THAT(table.out, Catch::Matchers::ContainsSubstring("FILE"));
  CHECK_THAT(table.out, !Catch::Matchers::ContainsSubstring("of finance"));
  const std::string keys = "\n" + world.call({"list", "--format", "keys"}, 1002).out;
  CHECK_THAT(keys, Catch::Matchers::ContainsSubstring("\ndb-password\n"));
  CHECK_THAT(keys, Catch::Matchers::ContainsSubstring("\ntelemetry\n"));
  CHECK_THAT(keys, !Catch::Matchers::ContainsSubstring("own"));
  CHECK(world.call({"list", "--format", "keys", "--scope", "global"}).out == "telemetry\n");
  CHECK_THAT(world.call({"list", "--format", "json"}).out, Catch::Matchers::StartsWith(R"([{"key":")"));
  CHECK(world.call({"list", "--scope", "everything"}).exit_code == 8);

  const Finished who = world.call({"whoami"});
  CHECK_THAT(who.out, Catch::Matchers::ContainsSubstring("domain: finance\n"));
  CHECK_THAT(who.out, Catch::Matchers::ContainsSubstring("uid: 1001\n"));
  CHECK_THAT(world.call({"whoami", "--format", "json"}).out,
             Catch::Matchers::ContainsSubstring(R"("domain":"finance")"));
  CHECK_THAT(world.call({"whoami"}, 1003).out, Catch::Matchers::ContainsSubstring("domain: -\n"));
  CHECK_THAT(world.call({"ping"}).out, Catch::Matchers::StartsWith("pong "));

  const Finished allowed = world.call({"check", "db-password"});
  CHECK(allowed.exit_code == 0);
  CHECK_THAT(allowed.out, Catch::Matchers::StartsWith("db-password: allow; rule identity.domains[1]"));
  CHECK(world.call({"check", "gone"}).exit_code == 3);
  CHECK(world.call({"check", "root", "--scope", "admin"}).exit_code == 4);
  CHECK(world.call({"check", "db-password"}, 65534).exit_code == 5);
}

TEST_CASE("audit verify and query read the agent's own trail", "[cli][promise-9]") {
  if (!is_root()) {
    SKIP("two users need root");
  }
  World world;
  REQUIRE(world.daemon.start());
  CHECK(world.call({"get", "db-password"}, 1001).exit_code == 0);
  CHECK(world.call({"get", "own"}, 1002).exit_code == 3);
  REQUIRE(world.daemon.stop() == 0);
  const std::string trail = world.daemon.audit();
  const Finished whole = world.call({"audit", "verify", trail}, 0);
  CHECK(whole.exit_code == 0);
  CHECK_THAT(whole.out, Catch::Matchers::StartsWith("whole: "));
  CHECK_THAT(world.call({"audit", "query", "--domain", "sales", trail}, 0).out,
             Catch::Matchers::ContainsSubstring(R"("outcome":"not_found")"));
  const Finished counted = world.call({"audit", "query", "--by", "key", "--outcome", "ok", trail}, 0);
  CHECK_THAT(counted.out, Catch::Matchers::ContainsSubstring("db-password\t1\t"));

  std::string text = read_text(trail);
  const std::size_t place = text.find("finance");
  REQUIRE(place != std::string::npos);
  text.replace(place, 7, "balance");
  std::ofstream(trail, std::ios::binary) << text;
  const Finished changed = world.call({"audit", "verify", trail}, 0);
  CHECK(changed.exit_code == 1);
  CHECK_THAT(changed.err, Catch::Matchers::StartsWith("tantalus: " + trail + ":"));
  CHECK(world.call({"audit", "verify", "/nonexistent"}, 0).exit_code == 2);
  CHECK(world.call({"audit", "verify"}, 0).exit_code == 2);
  CHECK(world.call({"audit", "verify", "--head", std::string(64, 'a'), trail}, 0).exit_code == 1);
}

TEST_CASE("every command has its help, and completions are scripts of their shells", "[cli]") {
  World world;
  for (const char* name :
       {"get", "exec", "render", "watch", "list", "whoami", "ping", "check", "audit", "completion"}) {
    const Finished help = world.call({name, "--help"}, geteuid());
    CHECK(help.exit_code == 0);
    CHECK_THAT(help.out, Catch::Matchers::StartsWith("Usage: tantalus " + std::string(name)));
    CHECK(help.err.empty());
    CHECK(world.call({"help", name}, geteuid()).out == help.out);
    CHECK_THAT(world.call({"--help"}, geteuid()).out,
               Catch::Matchers::ContainsSubstring("\n  " + std::string(name) + " "));
  }
  CHECK_THAT(world.call({"--version"}, geteuid()).out, Catch::Matchers::StartsWith("tantalus "));
  CHECK(run({{"bash", "-n"}, {}, {}, world.call({"completion", "bash"}, geteuid()).out}).exit_code == 0);
  CHECK_THAT(world.call({"completion", "zsh"}, geteuid()).out, Catch::Matchers::StartsWith("#compdef tantalus\n"));
  CHECK_THAT(world.call({"completion", "fish"}, geteuid()).out,
             Catch::Matchers::ContainsSubstring("complete -c tantalus"));
  CHECK(world.call({"completion", "tcsh"}, geteuid()).exit_code == 2);
}

TEST_CASE("bash completes commands, options and keys", "[cli]") {
  if (!is_root()) {
    SKIP("the agent's rules name uid 1001");
  }
  World world;
  REQUIRE(world.daemon.start());
  const auto complete = [&](const std::string& words) {
    const std::string script = "PATH=" + std::filesystem::path(tantalus_program).parent_path().string() +
                               ":$PATH; source <(tantalus completion bash); COMP_WORDS=(" + words +
                               "); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _tantalus; printf '%s ' \"${COMPREPLY[@]}\"";
    return run({{"bash", "-c", script}, {{"TANTALUS_SOCKET", world.daemon.socket()}}, 1001, ""}).out;
  };
  CHECK(complete("tantalus wh") == "whoami ");
  CHECK(complete("tantalus get --format j") == "json ");
  CHECK(complete("tantalus get --ref") == "--ref-version ");
  CHECK(complete("tantalus get db") == "db-password ");
}
