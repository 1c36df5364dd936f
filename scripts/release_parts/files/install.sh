#!/bin/sh
# Installs harbor-db from a release: looks at the signature of its sums and at the sum of what it takes before anything
# of it is run or put in place.
#   sh install.sh [--from URL|FOLDER] [--prefix /usr/local] [--unsigned]
set -eu

version=0
from=''
key=''
prefix=/usr/local
unsigned=''

fail() {
  echo "$1" >&2
  exit 1
}

while [ $# -gt 0 ]; do
  case $1 in
    --from) from=${2?--from needs a URL or a folder}; shift 2 ;;
    --unsigned) unsigned=yes; shift ;;
    --prefix) prefix=${2?--prefix needs a folder}; shift 2 ;;
    *) fail "Cannot take \"$1\": use --from URL|FOLDER and --prefix FOLDER" ;;
  esac
done
[ -n "$from" ] || fail 'Cannot install: it is not known where the release is. Give the URL or the folder where your release lies: --from URL|FOLDER'

case $(uname -s) in
  Linux) system=linux ;;
  Darwin) system=darwin ;;
  *) fail "Cannot install on $(uname -s): for Windows, unpack harbor-db-$version-windows-x64.zip" ;;
esac
case $(uname -m) in
  x86_64 | amd64) machine=x64 ;;
  aarch64 | arm64) machine=arm64 ;;
  *) fail "Cannot install on $(uname -m): there are binaries for x86_64 and arm64" ;;
esac
libc=''
if [ "$system" = linux ] && ldd --version 2>&1 | grep -qi musl; then libc=-musl; fi
name=harbor-db-$version-$system-$machine$libc
archive=$name.tar.xz

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM HUP

# take FILE: from the release into the work folder.
take() {
  case $from in
    http://* | https://*)
      if command -v curl >/dev/null; then
        curl --fail --silent --show-error --location --output "$work/$1" "$from/$1"
      else
        wget --quiet --output-document="$work/$1" "$from/$1"
      fi ;;
    *) cp "$from/$1" "$work/$1" ;;
  esac || fail "Cannot get \"$1\" from \"$from\""
}

sum() {
  if command -v sha256sum >/dev/null; then sha256sum "$1"; else shasum -a 256 "$1"; fi | cut -d' ' -f1
}

take SHA256SUMS
if [ -z "$key" ]; then
  echo "this release is not signed: only its sums are looked at" >&2
elif command -v minisign >/dev/null; then
  take SHA256SUMS.minisig
  minisign -Vqm "$work/SHA256SUMS" -P "$key" || fail "Cannot trust \"$from\": SHA256SUMS is not signed by $key"
  echo "signed by $key"
else
  [ -n "$unsigned" ] || fail 'Cannot look at the signature: minisign is not installed. Try: apt-get install minisign, or --unsigned to go by the sums alone'
  echo "the signature was not looked at: --unsigned" >&2
fi
take "$archive"
wanted=$(sed -n "s/^\([0-9a-f]\{64\}\)  $archive\$/\1/p" "$work/SHA256SUMS")
[ -n "$wanted" ] || fail "Cannot install \"$archive\": SHA256SUMS does not list it"
[ "$(sum "$work/$archive")" = "$wanted" ] || fail "Cannot install \"$archive\": it is not the file that SHA256SUMS lists"

if command -v xz >/dev/null; then
  (cd "$work" && xz -dc "$archive" | tar -xf -)
else
  (cd "$work" && tar -xJf "$archive")
fi || fail "Cannot unpack \"$archive\": it takes xz"
"$work/$name/harbor-db" --version || fail "Cannot run the new program on this machine: what is installed stays"

# put FILE FOLDER NAME MODE: renamed into place, so that a program that runs is not overwritten.
put() {
  mkdir -p "$2"
  cp "$work/$name/$1" "$2/.$3.new"
  chmod "$4" "$2/.$3.new"
  mv -f "$2/.$3.new" "$2/$3"
}
put harbor-db "$prefix/bin" harbor-db 755
put completions/harbor-db.bash "$prefix/share/bash-completion/completions" harbor-db 644
put completions/_harbor-db "$prefix/share/zsh/site-functions" _harbor-db 644
put completions/harbor-db.fish "$prefix/share/fish/vendor_completions.d" harbor-db.fish 644
for page in "$work/$name"/man/*.1; do
  put "man/${page##*/}" "$prefix/share/man/man1" "${page##*/}" 644
done
