# SPDX-License-Identifier: Apache-2.0
# Completion of tantalus(1) for bash.

_tantalus_keys() {
  tantalus list --format keys --quiet 2>/dev/null
}

_tantalus() {
  local word=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]} command="" i
  local common="--socket --wait --max-age --token --quiet --help --version"
  local reference="--source --scope --id --field --ref-version"
  COMPREPLY=()
  for ((i = 1; i < COMP_CWORD; i++)); do
    case ${COMP_WORDS[i]} in
      get | exec | render | watch | list | whoami | ping | check | audit | completion) command=${COMP_WORDS[i]}; break ;;
    esac
  done
  case $previous in
    --socket | --token | --env-file | --from | --output | -o) mapfile -t COMPREPLY < <(compgen -f -- "$word"); return ;;
    --source) mapfile -t COMPREPLY < <(compgen -W "kubernetes vault file" -- "$word"); return ;;
    --scope) mapfile -t COMPREPLY < <(compgen -W "domain global admin" -- "$word"); return ;;
    --format)
      case $command in
        get) mapfile -t COMPREPLY < <(compgen -W "raw json base64 env" -- "$word") ;;
        list) mapfile -t COMPREPLY < <(compgen -W "table json keys" -- "$word") ;;
        *) mapfile -t COMPREPLY < <(compgen -W "text json" -- "$word") ;;
      esac
      return ;;
  esac
  local options="" words=""
  case $command in
    "") words="get exec render watch list whoami ping check audit completion" ;;
    get) options="$reference --format" words=$(_tantalus_keys) ;;
    watch | check) options=$reference words=$(_tantalus_keys) ;;
    exec) options="$reference --env --env-file --file --from" ;;
    render) options="--output --allow-disk" ;;
    list) options="--format --scope --source" ;;
    whoami | ping) options="--format" ;;
    audit) options="--head --domain --key --pod --since --outcome --by --format" words="verify query" ;;
    completion) words="bash zsh fish" ;;
  esac
  if [[ $word == -* ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$common $options" -- "$word")
  elif [[ $command == exec ]]; then
    mapfile -t COMPREPLY < <(compgen -c -- "$word")
  else
    mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")
    case $command in
      render | audit) mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(compgen -f -- "$word") ;;
    esac
  fi
}

complete -F _tantalus tantalus
