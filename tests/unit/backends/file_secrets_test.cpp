// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backends/file/secrets.h"
#include "tests/support/file_secrets_world.h"

namespace tantalus {
namespace {

using test::FileWorld;
using Changes = std::vector<std::string>;

TEST_CASE("each object is served from its manifest, the global one and the admin's too") {
  FileWorld world;
  world.write("a.yaml", FileWorld::manifest("s-finance", "db-password", "f"));
  world.write("b.yml", FileWorld::manifest("s", "smtp", "g") + "---\n" + FileWorld::manifest("s-admin", "root", "r"));
  world.write("c.json", R"({"kind":"Secret","metadata":{"name":"s-sales"},"data":{"db-password":"cw=="}})");
  world.write(".hidden.yaml", FileWorld::manifest("s-hidden", "k", "v"));
  world.write("notes.txt", "kind: [");
  world.start();
  CHECK(world.get("finance", "db-password") == "f");
  CHECK(world.get("sales", "db-password") == "s");
  CHECK(world.get("", "smtp") == "g");
  CHECK(world.get("admin", "root") == "r");
  CHECK(world.get("finance", "smtp") == "not_found");
  CHECK(world.get("hidden", "k") == "not_found");
  CHECK(world.get("nobody", "k") == "not_found");
  CHECK(world.changes.empty());  // Its own start is no change.
  CHECK(world.secrets->state("finance").health == Health::ok);
}

TEST_CASE("an answer has a version, a time and a watch, and its value is a copy") {
  FileWorld world;
  world.write("a.yaml", FileWorld::manifest("s-a", "k", "v"));
  world.start();
  struct stat status{};
  REQUIRE(stat(world.path("a.yaml").c_str(), &status) == 0);
  const Result<Answer> answer = world.fetch("a", "k");
  REQUIRE(answer);
  const long long nanoseconds = status.st_mtim.tv_sec * 1'000'000'000LL + status.st_mtim.tv_nsec;
  CHECK(answer->version == std::to_string(nanoseconds) + "-" + std::to_string(status.st_ino));
  CHECK(answer->updated_at == WallMillis(Millis(nanoseconds / 1'000'000)));
  REQUIRE(answer->watch != nullptr);
  CHECK(answer->watch->healthy);
  const Result<Answer> again = world.fetch("a", "k");
  REQUIRE(again);
  CHECK(answer->value.expose().data() != again->value.expose().data());
}

TEST_CASE("`field` takes a member of a value that is JSON") {
  FileWorld world;
  world.write("a.yaml",
              "kind: Secret\nmetadata: {name: s-a}\nstringData: {k: '{\"user\":\"u\",\"port\":5432}', t: x}\n");
  world.start();
  CHECK(world.get("a", "k", "user") == "u");
  CHECK(world.get("a", "k", "port") == "5432");
  CHECK(world.get("a", "k", "host") == "not_found");
  CHECK(world.get("a", "t", "user") == "invalid_request");
}

TEST_CASE("a value over the limit is too large, but not its neighbours") {
  FileWorld world;
  world.options.max_value = 100;
  world.write("a.yaml", "kind: Secret\nmetadata: {name: s-a}\nstringData:\n  k: '" + std::string(101, 'x') +
                            "'\n  s: '" + std::string(100, 'y') + "'\n");
  world.start();
  CHECK(world.get("a", "k") == "too_large");
  CHECK(world.get("a", "s") == std::string(100, 'y'));
}

TEST_CASE("a rotated key is announced once it can be fetched, its neighbours are not", "[trap-136]") {
  FileWorld world;
  const std::string head = "kind: Secret\nmetadata: {name: s-a}\nstringData:\n";
  world.write("a.yaml", head + "  k: old\n  n: same\n");
  world.start();
  const std::string before = world.version("a", "k");
  const std::string neighbour = world.version("a", "n");
  world.write("a.yaml", head + "  k: new\n  n: same\n");
  world.settle();
  CHECK(world.take_changes() == Changes{"a/k"});
  CHECK(world.get("a", "k") == "new");
  CHECK(world.version("a", "k") != before);
  CHECK(world.version("a", "n") == neighbour);
  world.write("a.yaml", head + "  n: same\n  more: x\n");
  world.settle();
  CHECK(world.take_changes() == Changes{"a/k", "a/more"});
  CHECK(world.get("a", "k") == "not_found");
}

TEST_CASE("the same bytes in a new file announce nothing and keep their version", "[trap-136]") {
  FileWorld world;
  const std::string text = FileWorld::manifest("s-a", "k", "v");
  world.write("a.yaml", text);
  world.start();
  const std::string before = world.version("a", "k");
  std::filesystem::remove(world.path("a.yaml"));
  world.write("a.yaml", "# copied\n" + text);
  world.settle();
  CHECK(world.take_changes().empty());
  CHECK(world.version("a", "k") == before);
}

TEST_CASE("other bytes under the same time and inode have another version") {
  FileWorld world;
  world.write("a.yaml", FileWorld::manifest("s-a", "k", "1"));
  struct stat status{};
  REQUIRE(stat(world.path("a.yaml").c_str(), &status) == 0);
  world.start();
  std::vector<std::string> versions{world.version("a", "k")};
  for (const std::string value : {"2", "3", "1"}) {
    world.write("a.yaml", FileWorld::manifest("s-a", "k", value));
    const timespec times[2] = {status.st_atim, status.st_mtim};
    REQUIRE(utimensat(AT_FDCWD, world.path("a.yaml").c_str(), times, 0) == 0);
    world.settle();
    CHECK(world.get("a", "k") == value);
    const std::string version = world.version("a", "k");
    CHECK(std::ranges::find(versions, version) == versions.end());
    versions.push_back(version);
  }
}

TEST_CASE("a bad manifest takes its objects down, tells where, and mends", "[trap-137]") {
  FileWorld world;
  world.write("a.yaml", FileWorld::manifest("s-a", "k", "v"));
  world.write("b.yaml", FileWorld::manifest("s-b", "k", "w"));
  world.start();
  const Result<Answer> held = world.fetch("a", "k");
  REQUIRE(held);
  const int health = world.health_changes;
  world.write("a.yaml", "kind: Secret\nmetadata: {name: s-a}\nstringData:\n  k: hunter2: x\n");
  world.settle();
  CHECK(world.get("a", "k") == "unavailable");
  CHECK(world.get("a", "other") == "unavailable");
  CHECK_FALSE(held->watch->healthy);  // What the cache holds gets old from here on.
  CHECK(held->watch->lost_at > Instant{});
  CHECK(world.get("b", "k") == "w");
  CHECK(world.get("b", "other") == "not_found");
  CHECK(world.get("c", "k") == "unavailable");  // The bad file may hold it.
  const BackendState state = world.secrets->state("a");
  CHECK(state.health == Health::down);
  CHECK(state.why == "manifest refused");
  CHECK(state.detail == world.path("a.yaml") + ":4:13: two keys on one line; a value with ': ' in it needs quotes");
  CHECK(world.secrets->state("b").health == Health::ok);
  CHECK(world.take_changes().empty());
  CHECK(world.health_changes > health);
  for (const FileSecrets::Note& note : world.notes) {
    CHECK(note.text.find("hunter2") == std::string::npos);
  }
  CHECK(world.noted("a.yaml:4:13: "));

  world.write("a.yaml", FileWorld::manifest("s-a", "k", "v"));
  world.settle();
  CHECK(world.get("a", "k") == "v");
  CHECK(world.take_changes().empty());  // It is what it was.
  CHECK(held->watch->healthy);
  world.write("a.yaml", "][");
  world.settle();
  world.write("a.yaml", FileWorld::manifest("s-a", "k", "v2"));
  world.settle();
  CHECK(world.take_changes() == Changes{"a/k"});
}

TEST_CASE("a bad manifest at the start leaves everything else served") {
  FileWorld world;
  world.write("a.yaml", "kind: Secret\nmetadata:\n\tname: s-a\n");
  world.write("b.yaml", FileWorld::manifest("s-b", "k", "w"));
  world.start();
  CHECK(world.get("b", "k") == "w");
  CHECK(world.get("a", "k") == "unavailable");
  world.write("a.yaml", FileWorld::manifest("s-a", "k", "v"));
  world.settle();
  CHECK(world.take_changes() == Changes{"a/k"});
  CHECK(world.get("x", "k") == "not_found");
}

TEST_CASE("no error for callers names a file, an object or a place") {
  FileWorld world;
  world.write("odd-name.yaml", "{{");
  world.write("b.yaml", FileWorld::manifest("s-b", "k", "w"));
  world.start();
  for (const auto& [object, key] : {std::pair{"b", "x"}, std::pair{"a", "k"}}) {
    const Result<Answer> answer = world.fetch(object, key);
    REQUIRE_FALSE(answer);
    CHECK((answer.error().message == "no such secret" || answer.error().message == "the manifests can't be read now"));
  }
}

TEST_CASE("one object in two files refuses both, naming them, until one gives way") {
  FileWorld world;
  world.write("a.yaml", FileWorld::manifest("s-x", "k", "1"));
  world.start();
  CHECK(world.get("x", "k") == "1");
  world.write("b.yaml", FileWorld::manifest("s-x", "k", "2") + "---\n" + FileWorld::manifest("s-y", "k", "3"));
  world.settle();
  CHECK(world.get("x", "k") == "unavailable");
  CHECK(world.get("y", "k") == "unavailable");
  CHECK(world.noted("a.yaml: the object `s-x` also stands in `b.yaml`"));
  CHECK(world.noted("b.yaml: the object `s-x` also stands in `a.yaml`"));
  CHECK(world.take_changes().empty());
  std::filesystem::remove(world.path("a.yaml"));
  world.settle(Millis{1000});
  CHECK(world.get("x", "k") == "2");
  CHECK(world.get("y", "k") == "3");
  CHECK(world.take_changes() == Changes{"x/k", "y/k"});
}

TEST_CASE("an object that moves to another file in one go stays served and unannounced") {
  FileWorld world;
  world.write("a.yaml", FileWorld::manifest("s-x", "k", "1") + "---\n" + FileWorld::manifest("s-y", "k", "2"));
  world.start();
  world.write("a.yaml", FileWorld::manifest("s-y", "k", "2"));
  world.write("b.yaml", FileWorld::manifest("s-x", "k", "1"));
  world.settle();
  CHECK(world.get("x", "k") == "1");
  CHECK(world.take_changes().empty());
}

TEST_CASE("a file that is truncated and written again is read once it has settled") {
  FileWorld world;
  world.write("a.yaml", FileWorld::manifest("s-a", "k", "v"));
  world.start();
  world.write("a.yaml", "");
  world.io.touch(world.directory());
  world.io.run_for(Millis{100});
  CHECK(world.get("a", "k") == "v");
  world.write("a.yaml", "kind: Secret\nmetadata: {name: s-a}\nstringData: {k: hal");
  world.io.touch(world.directory());
  world.io.run_for(Millis{25});
  CHECK(world.get("a", "k") == "v");
  world.write("a.yaml", FileWorld::manifest("s-a", "k", "whole"));
  world.settle();
  CHECK(world.get("a", "k") == "whole");
  CHECK(world.take_changes() == Changes{"a/k"});
  CHECK_FALSE(world.noted("refused"));
  world.write("a.yaml", "");
  world.settle(Millis{1000});
  CHECK(world.get("a", "k") == "not_found");
  CHECK(world.take_changes() == Changes{"a/k"});
}

TEST_CASE("a file that keeps changing is refused, and in force again once it rests") {
  FileWorld world;
  world.write("a.yaml", FileWorld::manifest("s-a", "k", "v"));
  world.start();
  for (int i = 0; i < 300; ++i) {
    world.write("a.yaml", FileWorld::manifest("s-a", "k", std::string(static_cast<std::size_t>(i % 7), 'x')));
    world.io.touch(world.directory());
    world.io.run_for(Millis{25});
  }
  CHECK(world.noted("it keeps changing"));
  CHECK(world.get("a", "k") == "unavailable");
  world.settle();
  CHECK(world.get("a", "k") == "xxxxx");
}

TEST_CASE("a file that goes is believed after a while, one that is replaced is not missed") {
  FileWorld world;
  world.write("a.yaml", FileWorld::manifest("s-a", "k", "v"));
  world.start();
  std::filesystem::remove(world.path("a.yaml"));
  world.io.touch(world.directory());
  world.io.run_for(Millis{200});
  CHECK(world.get("a", "k") == "v");
  world.write("a.yaml", FileWorld::manifest("s-a", "k", "w"));
  world.settle();
  CHECK(world.get("a", "k") == "w");
  CHECK(world.take_changes() == Changes{"a/k"});
  std::filesystem::remove(world.path("a.yaml"));
  world.settle(Millis{1000});
  CHECK(world.get("a", "k") == "not_found");
  CHECK(world.take_changes() == Changes{"a/k"});
}

TEST_CASE("a mounted ConfigMap swaps its link, and what it leads to is read") {
  FileWorld world;
  const auto publish = [&](const std::string& revision, const std::string& value) {
    std::filesystem::create_directory(world.path(revision));
    world.write(revision + "/a.yaml", FileWorld::manifest("s-a", "k", value));
    std::filesystem::create_directory_symlink(revision, world.path("..data_tmp"));
    std::filesystem::rename(world.path("..data_tmp"), world.path("..data"));
  };
  publish("..2026_1", "1");
  std::filesystem::create_symlink("..data/a.yaml", world.path("a.yaml"));
  world.start();
  CHECK(world.get("a", "k") == "1");
  CHECK(world.io.watched().contains(world.path("..2026_1")));
  publish("..2026_2", "2");
  world.settle();
  CHECK(world.get("a", "k") == "2");
  CHECK(world.take_changes() == Changes{"a/k"});
  CHECK(world.io.watched().contains(world.path("..2026_2")));
  CHECK_FALSE(world.io.watched().contains(world.path("..2026_1")));
}

TEST_CASE("links out of the directory are watched where they lead and where they can be swapped") {
  FileWorld world;
  std::filesystem::create_directories(world.root / "v1");
  std::filesystem::create_directories(world.root / "links");
  std::filesystem::create_directory_symlink("../v1", world.root / "links/current");
  std::ofstream(world.root / "v1/real.yaml") << FileWorld::manifest("s-a", "k", "1");
  std::filesystem::create_symlink(world.root / "links/current/real.yaml", world.path("a.yaml"));
  std::filesystem::create_symlink(world.root / "nowhere/b.yaml", world.path("b.yaml"));
  world.start();
  CHECK(world.get("a", "k") == "1");
  const std::set<std::string> watched = world.io.watched();
  for (const std::string& path : {world.directory(), world.root.path(), world.root / "links", world.root / "v1"}) {
    INFO(path);
    CHECK(watched.contains(path));
  }
  CHECK(world.noted("b.yaml: it doesn't exist"));
  std::ofstream(world.root / "v1/real.yaml") << FileWorld::manifest("s-a", "k", "2");
  CHECK(world.io.touch(world.root / "v1"));
  world.io.run_for(Millis{200});
  CHECK(world.get("a", "k") == "2");
}

TEST_CASE("the directory may come late, go and be replaced") {
  FileWorld world;
  std::filesystem::remove(world.directory());
  world.start();
  CHECK(world.get("a", "k") == "unavailable");
  CHECK(world.secrets->state("a").why == "directory not readable");
  CHECK(world.io.watched().contains(world.root.path()));

  std::filesystem::create_directory(world.directory());
  world.write("a.yaml", FileWorld::manifest("s-a", "k", "1"));
  CHECK(world.io.touch(world.root.path()));
  world.io.run_for(Millis{200});
  CHECK(world.get("a", "k") == "1");
  CHECK(world.take_changes() == Changes{"a/k"});

  std::filesystem::rename(world.directory(), world.root / "old");
  world.io.touch(world.root.path());
  world.io.run_for(Millis{200});
  CHECK(world.get("a", "k") == "unavailable");
  CHECK(world.take_changes().empty());

  std::filesystem::create_directory(world.directory());
  world.write("a.yaml", FileWorld::manifest("s-a", "k", "1"));
  world.write("b.yaml", FileWorld::manifest("s-b", "k", "2"));
  world.io.touch(world.root.path());
  world.io.run_for(Millis{200});
  CHECK(world.get("a", "k") == "1");
  CHECK(world.take_changes() == Changes{"b/k"});
  // The watch is on the new one.
  CHECK(world.io.watched().contains(world.directory()));
}

TEST_CASE("only regular files are opened, and none is waited for", "[promise-14]") {
  FileWorld world;
  REQUIRE(mkfifo(world.path("a.yaml").c_str(), 0600) == 0);
  std::filesystem::create_directory(world.path("b.yaml"));
  std::filesystem::create_symlink("/dev/zero", world.path("c.yaml"));
  world.write("d.yaml", FileWorld::manifest("s-d", "k", "v"));
  std::filesystem::create_symlink("e.yaml", world.path("e.yaml"));
  world.start();
  CHECK(world.get("d", "k") == "v");
  for (const std::string name : {"a", "b", "c"}) {
    CHECK(world.noted(name + ".yaml: not a regular file"));
  }
  CHECK(world.noted("e.yaml: too many symbolic links"));
}

TEST_CASE("a file that others may read is warned of, once") {
  FileWorld world;
  world.write("a.yaml", FileWorld::manifest("s-a", "k", "v"));
  chmod(world.path("a.yaml").c_str(), 0644);
  world.write("b.yaml", FileWorld::manifest("s-b", "k", "v"));
  world.start();
  world.settle();
  world.settle();
  CHECK(std::ranges::count_if(world.notes, [](const FileSecrets::Note& note) {
          return note.is_warning && note.text.find("may be read by every user") != std::string::npos;
        }) == 1);
  CHECK(world.noted("`a.yaml` may be read"));
}

TEST_CASE("other kinds and other stores are skipped with a line for the log", "[trap-127]") {
  FileWorld world;
  world.write("a.yaml", "kind: ConfigMap\nmetadata: {name: s-x}\ndata: {k: plain text}\n---\n" +
                            FileWorld::manifest("other-a", "k", "v") + "---\n" + FileWorld::manifest("s-a", "k", "v"));
  world.start();
  CHECK(world.get("a", "k") == "v");
  CHECK(world.get("x", "k") == "not_found");
  CHECK(world.noted("`a.yaml`:1:1: other kind: `ConfigMap` `s-x` is skipped"));
  CHECK(world.noted("other store: `Secret` `other-a` is skipped"));
}

TEST_CASE("without a watch values get old, and the directory is looked at now and then") {
  FileWorld world;
  world.io.refuse_watches(true);
  world.write("a.yaml", FileWorld::manifest("s-a", "k", "1"));
  world.start();
  const Result<Answer> held = world.fetch("a", "k");
  REQUIRE(held);
  CHECK_FALSE(held->watch->healthy);
  CHECK(world.secrets->state("a").health == Health::degraded);
  CHECK(world.secrets->state("a").why == "not watched");
  world.write("a.yaml", FileWorld::manifest("s-a", "k", "2"));
  world.io.run_for(Millis{2'500});
  CHECK(world.take_changes() == Changes{"a/k"});
  world.io.refuse_watches(false);
  world.io.run_for(Millis{2'500});
  CHECK(held->watch->healthy);
  CHECK(world.secrets->state("a").health == Health::ok);
}

TEST_CASE("who asks after a write gets what was written, whatever the watch has said", "[trap-45]") {
  FileWorld world;
  world.write("a.yaml", FileWorld::manifest("s-a", "k", "1"));
  world.start();
  world.write("a.yaml", FileWorld::manifest("s-a", "k", "2"));
  const Result<Answer> changed = world.fetch("a", "k", {}, Millis{1000});
  REQUIRE(changed);
  CHECK(test::text_of(changed->value) == "2");
  world.write("b.yaml", FileWorld::manifest("s-b", "k", "3"));
  const Result<Answer> made = world.fetch("b", "k", {}, Millis{1000});
  REQUIRE(made);
  CHECK(test::text_of(made->value) == "3");
  CHECK(world.take_changes() == Changes{"a/k", "b/k"});
  // By its deadline it takes what there is.
  world.write("a.yaml", FileWorld::manifest("s-a", "k", "4"));
  const Result<Answer> late = world.fetch("a", "k", {}, Millis{5});
  REQUIRE(late);
  CHECK(test::text_of(late->value) == "2");
}

TEST_CASE("a list has keys, versions and times, and an object that isn't there has none") {
  FileWorld world;
  world.write("a.yaml", "kind: Secret\nmetadata: {name: s-a}\nstringData: {b: x, a: y}\n");
  world.start();
  const auto list = [&](const std::string& object) {
    auto task = world.secrets->list(DomainId::first, object, world.io.now(), world.never);
    task.start();
    REQUIRE(task.is_done());
    return task.take();
  };
  const auto entries = list("a");
  REQUIRE(entries);
  REQUIRE(entries->size() == 2);
  CHECK((*entries)[0].key == "a");
  CHECK((*entries)[1].key == "b");
  CHECK((*entries)[0].version == world.version("a", "a"));
  CHECK((*entries)[0].updated_at.has_value());
  CHECK(list("x")->empty());
  world.write("b.yaml", "[");
  world.settle();
  REQUIRE_FALSE(list("x"));
  CHECK(list("x").error().code == Code::unavailable);
  CHECK(list("a").has_value());
}

TEST_CASE("without room in locked memory a file is down and says so, and is read again when there is room") {
  FileWorld world(std::size_t{256} << 10U);
  world.write("a.yaml", FileWorld::manifest("s-a", "k", "v"));
  world.write("b.yaml", FileWorld::manifest("s-b", "k", std::string(400'000, 'x')));
  world.start();
  CHECK(world.get("a", "k") == "v");
  CHECK(world.get("b", "k") == "unavailable");
  CHECK(world.secrets->state("b").detail.find("no room in locked memory") != std::string::npos);
  world.write("b.yaml", FileWorld::manifest("s-b", "k", "w"));
  world.settle();
  CHECK(world.get("b", "k") == "w");
  // Full for a while, by somebody else.
  std::vector<Secret> filler;
  while (true) {
    Result<SecretWriter> writer = SecretWriter::make(*world.arena, 1000);
    if (!writer) {
      break;
    }
    writer->set_size(1000);
    filler.push_back(std::move(*writer).freeze());
  }
  world.write("b.yaml", FileWorld::manifest("s-b", "k", std::string(5000, 'y')));
  world.settle();
  CHECK(world.get("b", "k") == "unavailable");
  filler.clear();
  world.io.run_for(Millis{1'500});
  CHECK(world.get("b", "k") == std::string(5000, 'y'));
}

TEST_CASE("too many files are refused as a whole, not served in part") {
  FileWorld world;
  world.options.max_files = 3;
  for (const std::string name : {"a", "b", "c"}) {
    world.write(name + ".yaml", FileWorld::manifest("s-" + name, "k", "v"));
  }
  world.start();
  CHECK(world.get("a", "k") == "v");
  world.write("d.yaml", FileWorld::manifest("s-d", "k", "v"));
  world.settle();
  CHECK(world.get("a", "k") == "unavailable");
  CHECK(world.secrets->state("a").detail.find("more than 3 manifests") != std::string::npos);
}

TEST_CASE("all that it held in locked memory is given back") {
  FileWorld world;
  world.write("a.yaml", FileWorld::manifest("s-a", "k", "v"));
  world.start();
  CHECK(world.arena->usage().blocks == 2);  // The value and the fingerprints' key: no file's bytes stay.
  world.write("a.yaml", "[");
  world.settle();
  CHECK(world.arena->usage().blocks == 1);
  world.stop();
  CHECK(world.arena->usage().blocks == 0);
}

TEST_CASE("a huge manifest is parsed in slices that let others have their turn") {
  FileWorld world;
  std::string text = "kind: Secret\nmetadata: {name: s-a}\nstringData:\n";
  for (int i = 0; i < 2000; ++i) {
    text += "  k" + std::to_string(i) + ": value-" + std::to_string(i) + "\n";
  }
  world.write("a.yaml", text);
  world.options.slice = {.bytes = 4096, .events = 100, .names = 64};
  Result<std::unique_ptr<FileSecrets>> made = FileSecrets::make(world.io, *world.arena, world.options, {});
  REQUIRE(made);
  Cancel cancel;
  {
    Gate gate;
    gate.enter((*made)->load(cancel));
    int turns = 0;
    while (world.io.run_one()) {
      ++turns;
    }
    CHECK(turns > 45);
    gate.sweep();
    CHECK(gate.in_flight() == 0);
  }
  {
    // Left in the middle, it leaves nothing behind.
    Gate gate;
    Result<std::unique_ptr<FileSecrets>> other = FileSecrets::make(world.io, *world.arena, world.options, {});
    REQUIRE(other);
    Cancel early;
    gate.enter((*other)->load(early));
    for (int i = 0; i < 15; ++i) {
      world.io.run_one();
    }
    early.cancel();
    gate.sweep();
    CHECK(gate.in_flight() == 0);
  }
}

}  // namespace
}  // namespace tantalus
