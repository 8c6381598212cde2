# tributary_proto_library(<dir> [GRPC] [DEPS <dir>...])
#
# Compiles every .proto below proto/tributary/<dir> (for example events/v1) into the static library
# tributary_proto_<dir with _>. DEPS are other such dirs. Generated code gets neither our warnings
# nor UBSan. Target tributary_generated writes all of it and compiles none: enough for clang-tidy.
add_custom_target(tributary_generated)

function(tributary_proto_library dir)
  _tributary_proto_library("tributary/${dir}" "${dir}" ${ARGN})
endfunction()

# tributary_vendored_proto_library(<dir>)
#
# The same for a folder directly below proto/ that others wrote (for example google/rpc).
function(tributary_vendored_proto_library dir)
  _tributary_proto_library("${dir}" "${dir}" ${ARGN})
endfunction()

# <path> is the folder below proto/; <dir> names the target.
function(_tributary_proto_library path dir)
  cmake_parse_arguments(ARG "GRPC" "" "DEPS" ${ARGN})
  string(REPLACE "/" "_" suffix "${dir}")
  set(target tributary_proto_${suffix})
  set(root "${CMAKE_SOURCE_DIR}/proto")
  set(out "${CMAKE_BINARY_DIR}/gen")
  file(MAKE_DIRECTORY "${out}")
  file(GLOB protos CONFIGURE_DEPENDS "${root}/${path}/*.proto")
  set(generated)
  foreach(proto IN LISTS protos)
    file(RELATIVE_PATH rel "${root}" "${proto}")
    string(REGEX REPLACE "\\.proto$" "" stem "${rel}")
    set(outputs "${out}/${stem}.pb.cc" "${out}/${stem}.pb.h")
    set(plugin)
    if(ARG_GRPC)
      list(APPEND outputs "${out}/${stem}.grpc.pb.cc" "${out}/${stem}.grpc.pb.h")
      set(plugin --grpc_out=generate_mock_code=false:${out} --plugin=protoc-gen-grpc=${GRPC_CPP_PLUGIN})
    endif()
    add_custom_command(
      OUTPUT ${outputs}
      COMMAND protobuf::protoc --proto_path=${root} --cpp_out=${out} ${plugin} ${proto}
      DEPENDS ${proto}
      COMMENT "protoc ${rel}"
      VERBATIM)
    list(APPEND generated ${outputs})
  endforeach()
  add_custom_target(${target}_generated DEPENDS ${generated})
  add_dependencies(tributary_generated ${target}_generated)
  add_library(${target} STATIC ${generated})
  target_include_directories(${target} SYSTEM PUBLIC "${out}")
  target_link_libraries(${target} PUBLIC protobuf::libprotobuf)
  if(ARG_GRPC)
    target_link_libraries(${target} PUBLIC gRPC::grpc++)
  endif()
  foreach(dep IN LISTS ARG_DEPS)
    string(REPLACE "/" "_" dep_suffix "${dep}")
    target_link_libraries(${target} PUBLIC tributary_proto_${dep_suffix})
    # Headers of a dependency must exist before this one's sources compile.
    add_dependencies(${target} tributary_proto_${dep_suffix})
  endforeach()
endfunction()
