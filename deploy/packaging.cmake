# The Debian package: `cpack -G DEB --config build/release/CPackConfig.cmake`, once `sojourn` is
# built. It brings the binary, the demo (`sojourn-demo`) and a systemd unit.

set(CMAKE_SKIP_INSTALL_ALL_DEPENDENCY ON)  # packaging does not build the tests

install(DIRECTORY rules DESTINATION share/sojourn)
install(DIRECTORY deploy/mappings deploy/prometheus deploy/grafana DESTINATION share/sojourn)
install(FILES deploy/OPERATIONS.md DESTINATION share/sojourn)  # where the alerts' links lead
install(PROGRAMS deploy/quickstart.sh deploy/demo/make_events.py deploy/demo/show_mail.py
        DESTINATION share/sojourn/demo)
install(FILES deploy/demo/cdnow.py deploy/demo/sample_events.py deploy/demo/README.md
        DESTINATION share/sojourn/demo)
install(FILES README.md CHANGELOG.md DESTINATION share/doc/sojourn)
install(FILES LICENSE DESTINATION share/doc/sojourn RENAME copyright)
install(FILES deploy/sojourn.service deploy/sojourn.socket DESTINATION lib/systemd/system)
install(FILES deploy/sojourn.yaml DESTINATION /etc/sojourn)
# A link, relative so that it holds wherever the package is unpacked.
file(CREATE_LINK ../share/sojourn/demo/quickstart.sh ${PROJECT_BINARY_DIR}/sojourn-demo SYMBOLIC)
install(FILES ${PROJECT_BINARY_DIR}/sojourn-demo DESTINATION bin)

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME sojourn)
set(CPACK_PACKAGE_VENDOR "The Sojourn project")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "Marketing automation over event streams")
set(CPACK_PACKAGE_DESCRIPTION
    "Web, email and purchase events come in; journeys written as YAML walk each person through
mails, waits and coupons; actions go out exactly once. Runs on a log of its own or over Apache
Kafka. sojourn-demo replays a real shop's orders through the rules of a demo shop.")
set(CPACK_PACKAGE_DIRECTORY ${PROJECT_BINARY_DIR})
set(CPACK_STRIP_FILES ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_MAINTAINER "The Sojourn project <sojourn@sojourn.example>")
set(CPACK_DEBIAN_PACKAGE_SECTION net)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
# The demo is Python; it fetches its history by pip where that is not at hand.
set(CPACK_DEBIAN_PACKAGE_DEPENDS "python3, curl, tzdata, ca-certificates")
set(CPACK_DEBIAN_PACKAGE_RECOMMENDS "python3-pip")
set(CPACK_DEBIAN_PACKAGE_CONTROL_EXTRA ${PROJECT_SOURCE_DIR}/deploy/debian/conffiles)
include(CPack)
