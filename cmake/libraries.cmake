# The static libraries, for the build of the checkout and for the Python package's. One library for each folder of src/: a folder
# that is not there yet is left out, new files are found without an edit here.

option(DUCKROW_WERROR "Treat warnings as errors" OFF)
set(DUCKROW_SANITIZE "" CACHE STRING "Sanitizers: address,undefined or thread")

get_filename_component(DUCKROW_ROOT "${CMAKE_CURRENT_LIST_DIR}/.." ABSOLUTE)
find_package(Threads REQUIRED)

set(CMAKE_C_STANDARD 17)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS OFF)
set(CMAKE_C_VISIBILITY_PRESET hidden)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)

# How everything of ours is compiled.
add_library(duckrow_options INTERFACE)
target_include_directories(duckrow_options INTERFACE ${DUCKROW_ROOT}/include ${DUCKROW_ROOT}/src)
target_compile_definitions(duckrow_options INTERFACE "_GNU_SOURCE=")
# Messages are cut to fit on purpose, and paths are measured beforehand, which gcc does not see.
target_compile_options(duckrow_options INTERFACE -Wall -Wextra
  $<$<C_COMPILER_ID:GNU>:-Wno-format-truncation> $<$<BOOL:${DUCKROW_WERROR}>:-Werror>)
if(DUCKROW_SANITIZE)
  target_compile_options(duckrow_options INTERFACE
    -fsanitize=${DUCKROW_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  target_link_options(duckrow_options INTERFACE -fsanitize=${DUCKROW_SANITIZE})
endif()

# duckrow_library(<folder of src> <libraries it stands on>…) makes duckrow_<folder>, without main().
function(duckrow_library folder)
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${DUCKROW_ROOT}/src/${folder}/*.c)
  list(REMOVE_ITEM sources ${DUCKROW_ROOT}/src/cli/program.c)
  if(sources)
    add_library(duckrow_${folder} STATIC ${sources})
    target_link_libraries(duckrow_${folder} PUBLIC duckrow_options)
    foreach(library ${ARGN})
      if(TARGET ${library} OR NOT library MATCHES "^duckrow_")
        target_link_libraries(duckrow_${folder} PUBLIC ${library})
      endif()
    endforeach()
  endif()
endfunction()

duckrow_library(core Threads::Threads)
duckrow_library(engine duckrow_core ${CMAKE_DL_LIBS})
duckrow_library(cli duckrow_engine duckrow_core)

# The service stands on two libraries more, which nothing below it may need.
find_package(PkgConfig REQUIRED)
pkg_check_modules(UV REQUIRED IMPORTED_TARGET libuv>=1.44)
pkg_check_modules(INIH REQUIRED IMPORTED_TARGET inih)
duckrow_library(service duckrow_cli duckrow_engine duckrow_core PkgConfig::UV PkgConfig::INIH)
