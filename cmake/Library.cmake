# The one way to declare our own code, so that warnings, sanitizers and tests are the same everywhere.
#
#   tributary_library(<name> SOURCES ... [DEPS ...] [PRIVATE_DEPS ...]
#                     [TESTS ...] [TEST_DEPS ...] [TEST_LABELS ...])
#     Library tributary_<name> (alias tributary::<name>), public headers in include/ if there is one;
#     TESTS become one GoogleTest binary, <name>_test.
#   tributary_executable(<name> SOURCES ... [DEPS ...])
#   tributary_test(<name> SOURCES ... [DEPS ...] [LABELS ...] [TIMEOUT seconds])
#     Tests with the label `kafka` find the servers of a Kafka in the environment's TRIBUTARY_TEST_KAFKA and fail without;
#     tools/test.sh sets it. Others share that Kafka: names of topics and groups are to be a test's own.
#
# Tests themselves are compiled without UBSan: what they test has it, and it would double the time that they take to
# compile.
function(tributary_own_code target)
  cmake_parse_arguments(ARG "TEST" "" "" ${ARGN})
  target_compile_options(${target} PRIVATE
    -Wall -Wextra -Wshadow -Wnon-virtual-dtor -Woverloaded-virtual -Wimplicit-fallthrough
    -Wno-missing-field-initializers  # designated initialisers name just what differs
    -Wno-restrict  # GCC 12 at -O2 sees overlaps in std::string that cannot be (its bug 105651)
    -Werror)
  if(TRIBUTARY_SANITIZE MATCHES "undefined" AND NOT ARG_TEST)
    target_compile_options(${target} PRIVATE -fsanitize=undefined -fno-sanitize-recover=undefined)
  endif()
endfunction()

function(tributary_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPS;PRIVATE_DEPS;TESTS;TEST_DEPS;TEST_LABELS" ${ARGN})
  set(target tributary_${name})
  add_library(${target} STATIC ${ARG_SOURCES})
  add_library(tributary::${name} ALIAS ${target})
  if(IS_DIRECTORY "${CMAKE_CURRENT_SOURCE_DIR}/include")
    target_include_directories(${target} PUBLIC include)
  endif()
  target_include_directories(${target} PRIVATE "${CMAKE_CURRENT_SOURCE_DIR}")
  target_link_libraries(${target} PUBLIC ${ARG_DEPS} PRIVATE ${ARG_PRIVATE_DEPS})
  tributary_own_code(${target})
  if(ARG_TESTS)
    tributary_test(${name}_test SOURCES ${ARG_TESTS} DEPS ${target} ${ARG_TEST_DEPS} LABELS ${ARG_TEST_LABELS})
  endif()
endfunction()

function(tributary_executable name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPS" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_include_directories(${name} PRIVATE "${CMAKE_CURRENT_SOURCE_DIR}")
  target_link_libraries(${name} PRIVATE ${ARG_DEPS})
  # Many small protobuf messages and strings on few threads: twice the events a second of glibc's malloc.
  if(JEMALLOC_LIBRARY AND NOT TRIBUTARY_SANITIZE)
    target_link_libraries(${name} PRIVATE ${JEMALLOC_LIBRARY})
  endif()
  tributary_own_code(${name})
endfunction()

function(tributary_test name)
  cmake_parse_arguments(ARG "" "TIMEOUT" "SOURCES;DEPS;LABELS" ${ARGN})
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 120)
  endif()
  add_executable(${name} ${ARG_SOURCES})
  target_include_directories(${name} PRIVATE "${CMAKE_CURRENT_SOURCE_DIR}")
  target_link_libraries(${name} PRIVATE ${ARG_DEPS} GTest::gmock GTest::gtest_main)
  tributary_own_code(${name} TEST)
  gtest_discover_tests(${name} DISCOVERY_TIMEOUT 60 PROPERTIES TIMEOUT ${ARG_TIMEOUT} LABELS ${name})
  if(ARG_LABELS)
    # Discovery would take each further label for a property; ctest reads this file after those that it writes.
    set(labels ${name} ${ARG_LABELS})
    file(CONFIGURE OUTPUT ${name}_labels.cmake @ONLY CONTENT [[
if(@name@_TESTS)
  set_tests_properties(${@name@_TESTS} PROPERTIES LABELS "@labels@")
endif()
]])
    set_property(DIRECTORY APPEND PROPERTY TEST_INCLUDE_FILES "${CMAKE_CURRENT_BINARY_DIR}/${name}_labels.cmake")
  endif()
endfunction()
