#compdef tantalus
# SPDX-License-Identifier: Apache-2.0
# Completion of tantalus(1) for zsh.

_tantalus_references() {
  local -a keys
  keys=(${(f)"$(tantalus list --format keys --quiet 2>/dev/null)"})
  _describe -t keys 'key' keys
}

_tantalus() {
  local context state line
  local -a common reference commands
  common=(
    '--socket[the socket of the agent]:socket:_files'
    '--wait[ask again for so long]:duration:'
    '--max-age[a value at most this old]:duration:'
    '--token[a projected token]:file:_files'
    '(-q --quiet)'{-q,--quiet}'[nothing on standard error]'
    '(-h --help)'{-h,--help}'[help]'
    '--version[the version]'
  )
  reference=(
    '--source[where it is kept]:source:(kubernetes vault file)'
    '--scope[whose it is]:scope:(domain global admin)'
    '--id[the integration]:id:'
    '--field[a member of the value]:field:'
    '--ref-version[a version of Vault]:version:'
  )
  commands=(
    'get:write the value of a reference to standard output'
    'exec:run a command with references of its environment resolved'
    'render:fill the references of a template in'
    'watch:tell each change of a value, never the value'
    'list:what this process may resolve, without values'
    'whoami:who the agent takes this process for'
    'ping:whether the agent answers, and how fast'
    'check:what resolving a reference would do, without the value'
    'audit:verify and query the audit trail'
    'completion:a script that completes commands, options and keys'
  )
  _arguments -C $common '1:command:->command' '*::argument:->argument'
  case $state in
    command) _describe -t commands 'command' commands ;;
    argument)
      case $words[1] in
        get) _arguments $common $reference '--format[the output]:format:(raw json base64 env)' '*:reference:_tantalus_references' ;;
        watch | check) _arguments $common $reference '*:reference:_tantalus_references' ;;
        exec) _arguments $common $reference '*--env[a variable with the value]:NAME=REF:' \
          '*--file[a variable with a path to the value]:NAME=REF:' '*--env-file[variables]:file:_files' \
          '*--from[the references of a job]:file:_files' '*::command:_normal' ;;
        render) _arguments $common '(-o --output)'{-o,--output}'[write this file]:file:_files' \
          '--allow-disk[the file may lie anywhere]' '1:template:_files' ;;
        list) _arguments $common '--format[the output]:format:(table json keys)' \
          '--scope[one scope]:scope:(domain global admin)' '--source[one source]:source:(kubernetes vault file)' ;;
        whoami | ping) _arguments $common '--format[the output]:format:(text json)' ;;
        audit) _arguments $common '1:what:(verify query)' '*:file:_files' ;;
        completion) _arguments $common '1:shell:(bash zsh fish)' ;;
      esac ;;
  esac
}

_tantalus "$@"
