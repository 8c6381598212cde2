# Compiler cache and fast linker when the machine has them; sanitizers when a preset asks.
set(TRIBUTARY_SANITIZE "" CACHE STRING "Empty, 'address,undefined' or 'thread'")

find_program(CCACHE_PROGRAM ccache)
if(CCACHE_PROGRAM AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  # base_dir and no hash_dir: build folders of one checkout share their objects.
  set(CMAKE_CXX_COMPILER_LAUNCHER
      ${CMAKE_COMMAND} -E env CCACHE_BASEDIR=${CMAKE_SOURCE_DIR} CCACHE_NOHASHDIR=1 ${CCACHE_PROGRAM})
endif()

find_program(MOLD_PROGRAM mold)
find_program(LLD_PROGRAM ld.lld)
if(MOLD_PROGRAM)
  add_link_options(-fuse-ld=mold)
elseif(LLD_PROGRAM)
  add_link_options(-fuse-ld=lld)
endif()

if(TRIBUTARY_SANITIZE)
  add_compile_options(-fno-omit-frame-pointer)
  if(TRIBUTARY_SANITIZE MATCHES "thread")
    add_compile_options(-fsanitize=thread)
    add_link_options(-fsanitize=thread)
  else()
    # UBSan is added per target (Library.cmake): generated code is left out of it, because one
    # large generated file takes minutes and gigabytes under it.
    add_compile_options(-fsanitize=address)
    add_link_options(-fsanitize=address,undefined)
  endif()
endif()
