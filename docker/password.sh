#!/bin/sh
# Make the server's password once, as the two files that compose hands to the containers as secrets.
# Their users, who are not you, read the files; the folder keeps everybody else on this machine out.
set -eu
umask 022
cd "$(dirname "$0")"
if [ ! -e secrets/neo4j-auth ]; then
  mkdir -p secrets
  chmod 700 secrets
  od -An -N16 -tx1 /dev/urandom | tr -d ' \n' > secrets/password
  echo >> secrets/password
  sed 's,^,neo4j/,' secrets/password > secrets/neo4j-auth.new
  mv secrets/neo4j-auth.new secrets/neo4j-auth
fi
