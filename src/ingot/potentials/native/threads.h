// Portions of work for the threads of one call.

#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <thread>
#include <vector>

namespace ingot {

inline std::atomic<int> threads{1};

// Calls work(next), which takes portions of [0, count) by next(first, last) until there are none, on all threads that pay.
template <class Work> void share(int64_t count, int64_t portion, int64_t least, const Work& work) {
  std::atomic<int64_t> taken{0};
  auto next = [&](int64_t& first, int64_t& last) {
    first = taken.fetch_add(portion), last = std::min(count, first + portion);
    return first < count;
  };
  const int64_t helpers = std::min<int64_t>(threads.load(), count / least) - 1;
  std::vector<std::thread> crew;
  for (int64_t t = 0; t < helpers; t++) crew.emplace_back([&] { work(next); });
  work(next);
  for (auto& member : crew) member.join();
}

}  // namespace ingot
