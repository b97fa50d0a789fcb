# cmake -D OUT=file.c -D FOLDER=xta/schema -P embed.cmake - the schemas as one C table, see
# xta/schema_files.h
file(GLOB names RELATIVE ${FOLDER} ${FOLDER}/*/*.xsd ${FOLDER}/*/*.wsdl)
list(SORT names)
set(number 0)
set(arrays "")
set(rows "")
foreach(name ${names})
    file(READ ${FOLDER}/${name} bytes HEX)
    string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${bytes}")
    string(APPEND arrays "static const unsigned char file_${number}[] = {${bytes}};\n")
    string(APPEND rows "    {\"${name}\", {file_${number}, sizeof file_${number}}},\n")
    math(EXPR number "${number} + 1")
endforeach()
file(WRITE ${OUT} "#include \"xta/schema_files.h\"\n\n${arrays}
const struct xta_schema_row xta_schema_rows[] = {\n${rows}};
const size_t xta_schema_row_count = ${number};\n")
