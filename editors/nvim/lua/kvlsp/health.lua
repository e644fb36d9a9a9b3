--- `:checkhealth kvlsp`.
local options = require('kvlsp.options')
local status = require('kvlsp.status')

local M = {}

local function check_neovim()
  vim.health.start('kvlsp: Neovim')
  local version = tostring(vim.version())
  if vim.fn.has('nvim-0.10') == 0 then
    vim.health.error(version .. ' is too old', 'Neovim 0.10 or later is needed')
  else
    vim.health.ok('Neovim ' .. version)
  end
  if options.backend() == 'builtin' then
    vim.health.ok("ghost text by Neovim's own inline completion (it waits 200 ms after each key)")
  else
    vim.health.ok(('ghost text by this plugin, %d ms after each key'):format(options.get().debounce))
  end
end

--- Runs another command of the daemon's program; its lines, and whether it went well.
local function run(arguments)
  local command = {}
  for _, word in ipairs(options.get().cmd) do
    if word == 'serve' then
      break
    end
    table.insert(command, word)
  end
  vim.list_extend(command, arguments)
  local ok, process = pcall(vim.system, command, { text = true, timeout = 60000 })
  if not ok then
    return false, tostring(process)
  end
  local result = process:wait()
  return result.code == 0, vim.trim((result.stdout or '') .. (result.stderr or ''))
end

local function check_daemon()
  vim.health.start('kvlsp: daemon')
  local command = options.get().cmd[1]
  if vim.fn.executable(command) == 0 then
    vim.health.error(('`%s` cannot be run'):format(command), {
      'pip install kvlsp',
      'or, before the plugin loads: vim.g.kvlsp = { cmd = { "/path/to/kvlsp", "serve" } }',
    })
    return
  end
  vim.health.ok(('`%s` is %s'):format(table.concat(options.get().cmd, ' '), vim.fn.exepath(command)))
  local well, text = run({ 'doctor' })
  for line in vim.gsplit(text, '\n', { plain = true, trimempty = true }) do
    vim.health.info(line)
  end
  if not well then
    vim.health.warn('`kvlsp doctor` found something wrong, see the lines above')
  end
end

local function check_clients()
  vim.health.start('kvlsp: client')
  local clients = vim.lsp.get_clients({ name = 'kvlsp' })
  if #clients == 0 then
    vim.health.warn('no daemon is running', {
      "vim.lsp.enable('kvlsp') (Neovim 0.11 and later) or require('kvlsp').setup()",
      'then open a file; :Kvlsp log shows why it did not start',
    })
    return
  end
  for _, client in ipairs(clients) do
    local buffers = vim.tbl_count(client.attached_buffers or {})
    vim.health.ok(('client %d, %d buffer(s), positions in %s'):format(client.id, buffers, client.offset_encoding))
    if not client.server_capabilities.inlineCompletionProvider then
      vim.health.error('the daemon does not offer inline completion', 'is it the right command?')
    end
  end
  local now = status.get()
  local report = now.kind == 'error' and vim.health.error or vim.health.ok
  report(table.concat(status.lines(), '\n'))
end

local function check_keys()
  vim.health.start('kvlsp: keys')
  for _, map in ipairs(vim.api.nvim_get_keymap('i')) do
    if (map.desc or ''):lower():find('kvlsp', 1, true) then
      vim.health.ok(('%s: %s'):format(map.lhs, map.desc))
      return
    end
  end
  vim.health.info('no insert-mode key names kvlsp in its description; :help kvlsp-keys shows a <Tab> map')
end

function M.check()
  check_neovim()
  check_daemon()
  check_clients()
  check_keys()
end

return M
