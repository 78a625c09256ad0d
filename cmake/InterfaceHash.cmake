# cmake -DOUT=FILE -DHEADERS=A,B,... -P: writes a header that defines MURMUR_INTERFACE, a hash of the
# headers. Left alone if it says so already.
string(REPLACE "," ";" HEADERS "${HEADERS}")
set(text "")
foreach(header ${HEADERS})
  file(SHA256 ${header} hash)
  string(APPEND text ${hash})
endforeach()
string(SHA256 hash "${text}")
file(WRITE ${OUT}.new "#define MURMUR_INTERFACE \"${hash}\"\n")
file(COPY_FILE ${OUT}.new ${OUT} ONLY_IF_DIFFERENT)
