# SPDX-License-Identifier: Apache-2.0
# Completion of tantalus(1) for fish.

set -l commands get exec render watch list whoami ping check audit completion
complete -c tantalus -f
complete -c tantalus -n "not __fish_seen_subcommand_from $commands" -a get -d 'write the value of a reference to standard output'
complete -c tantalus -n "not __fish_seen_subcommand_from $commands" -a exec -d 'run a command with references of its environment resolved'
complete -c tantalus -n "not __fish_seen_subcommand_from $commands" -a render -d 'fill the references of a template in'
complete -c tantalus -n "not __fish_seen_subcommand_from $commands" -a watch -d 'tell each change of a value, never the value'
complete -c tantalus -n "not __fish_seen_subcommand_from $commands" -a list -d 'what this process may resolve, without values'
complete -c tantalus -n "not __fish_seen_subcommand_from $commands" -a whoami -d 'who the agent takes this process for'
complete -c tantalus -n "not __fish_seen_subcommand_from $commands" -a ping -d 'whether the agent answers, and how fast'
complete -c tantalus -n "not __fish_seen_subcommand_from $commands" -a check -d 'what resolving a reference would do, without the value'
complete -c tantalus -n "not __fish_seen_subcommand_from $commands" -a audit -d 'verify and query the audit trail'
complete -c tantalus -n "not __fish_seen_subcommand_from $commands" -a completion -d 'a script that completes commands, options and keys'

complete -c tantalus -l socket -r -F -d 'the socket of the agent'
complete -c tantalus -l wait -x -d 'ask again for so long'
complete -c tantalus -l max-age -x -d 'a value at most this old'
complete -c tantalus -l token -r -F -d 'a projected token'
complete -c tantalus -s q -l quiet -d 'nothing on standard error'
complete -c tantalus -s h -l help -d 'help'
complete -c tantalus -l version -d 'the version'

complete -c tantalus -n '__fish_seen_subcommand_from get exec watch check list' -l source -x -a 'kubernetes vault file'
complete -c tantalus -n '__fish_seen_subcommand_from get exec watch check list' -l scope -x -a 'domain global admin'
complete -c tantalus -n '__fish_seen_subcommand_from get exec watch check' -l id -x -d 'the integration'
complete -c tantalus -n '__fish_seen_subcommand_from get exec watch check' -l field -x -d 'a member of the value'
complete -c tantalus -n '__fish_seen_subcommand_from get exec watch check' -l ref-version -x -d 'a version of Vault'
complete -c tantalus -n '__fish_seen_subcommand_from get watch check' -a '(tantalus list --format keys --quiet 2>/dev/null)'
complete -c tantalus -n '__fish_seen_subcommand_from get' -l format -x -a 'raw json base64 env'
complete -c tantalus -n '__fish_seen_subcommand_from list' -l format -x -a 'table json keys'
complete -c tantalus -n '__fish_seen_subcommand_from whoami ping' -l format -x -a 'text json'
complete -c tantalus -n '__fish_seen_subcommand_from exec' -l env -x -d 'NAME=REF: a variable with the value'
complete -c tantalus -n '__fish_seen_subcommand_from exec' -l file -x -d 'NAME=REF: a variable with a path to the value'
complete -c tantalus -n '__fish_seen_subcommand_from exec' -l env-file -r -F -d 'NAME=VALUE lines'
complete -c tantalus -n '__fish_seen_subcommand_from exec' -l from -r -F -d 'the references of a job'
complete -c tantalus -n '__fish_seen_subcommand_from render' -s o -l output -r -F -d 'write this file'
complete -c tantalus -n '__fish_seen_subcommand_from render' -l allow-disk -d 'the file may lie anywhere'
complete -c tantalus -n '__fish_seen_subcommand_from render audit' -F
complete -c tantalus -n '__fish_seen_subcommand_from audit' -a 'verify query'
complete -c tantalus -n '__fish_seen_subcommand_from completion' -a 'bash zsh fish'
