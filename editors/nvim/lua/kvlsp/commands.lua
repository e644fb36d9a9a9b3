--- `:Kvlsp {subcommand}`.
local client = require('kvlsp.client')
local status = require('kvlsp.status')

local M = {}

--- Shows lines in a scratch window below; `q` closes it.
local function show(title, lines)
  vim.cmd('botright ' .. math.min(#lines + 1, 20) .. 'new')
  local bufnr = vim.api.nvim_get_current_buf()
  vim.bo[bufnr].buftype, vim.bo[bufnr].bufhidden, vim.bo[bufnr].swapfile = 'nofile', 'wipe', false
  vim.api.nvim_buf_set_name(bufnr, 'kvlsp://' .. title)
  vim.api.nvim_buf_set_lines(bufnr, 0, -1, false, lines)
  vim.bo[bufnr].modifiable = false
  vim.keymap.set('n', 'q', '<cmd>close<cr>', { buffer = bufnr, desc = 'Close' })
end

local function tell(text, level)
  vim.notify('kvlsp: ' .. text, level or vim.log.levels.INFO)
end

--- The client of the current buffer, or a sentence.
local function here()
  local found = client.of(vim.api.nvim_get_current_buf()) or client.of()
  if not found then
    tell('no daemon is running for this buffer. See :checkhealth kvlsp.', vim.log.levels.WARN)
  end
  return found
end

local function flat(value, indent, lines)
  local names = vim.tbl_keys(value)
  table.sort(names, function(a, b)
    return tostring(a) < tostring(b)
  end)
  for _, name in ipairs(names) do
    if type(value[name]) == 'table' then
      table.insert(lines, ('%s%s:'):format(indent, name))
      flat(value[name], indent .. '  ', lines)
    else
      table.insert(lines, ('%s%s: %s'):format(indent, name, tostring(value[name])))
    end
  end
  return lines
end

local subcommands = {}

function subcommands.toggle()
  local enabled ---@type boolean?
  client.configure(function(settings)
    enabled = settings.enable == false
    settings.enable = enabled
  end)
  if enabled == nil then
    here()
    return
  end
  if not enabled then
    require('kvlsp.completion').clear(vim.api.nvim_get_current_buf())
  end
  tell(enabled and 'on' or 'off')
end

subcommands['toggle-language'] = function()
  local found = here()
  if not found then
    return
  end
  local bufnr = vim.api.nvim_get_current_buf()
  local language = client.language(found, bufnr)
  local off ---@type boolean
  client.configure(function(settings)
    local disabled = settings.disabledLanguages or {}
    off = not vim.tbl_contains(disabled, language)
    if off then
      disabled = vim.list_extend({ language }, disabled)
    else
      disabled = vim.tbl_filter(function(other)
        return other ~= language
      end, disabled)
    end
    settings.disabledLanguages = disabled
  end)
  if off then
    require('kvlsp.completion').clear(bufnr)
  end
  tell(('%s for %s'):format(off and 'off' or 'on', language))
end

--- Asks the daemon to carry out one of its commands.
local function execute(command, arguments, done)
  local found = here()
  if not found then
    return
  end
  client.call(found, 'request', 'workspace/executeCommand', { command = command, arguments = arguments }, function(err, result)
    if err then
      tell(err.message, vim.log.levels.ERROR)
    else
      done(result)
    end
  end)
end

--- `:Kvlsp pause [minutes]`; without a number 10 minutes, with 0 until `:Kvlsp resume`.
function subcommands.pause(minutes)
  local number = tonumber(minutes or 10)
  if not number or number < 0 then
    tell(('a pause takes a number of minutes, not %s'):format(minutes), vim.log.levels.ERROR)
    return
  end
  execute('kvlsp.pause', { number }, function()
    require('kvlsp.completion').clear(vim.api.nvim_get_current_buf())
    tell(number == 0 and 'paused until :Kvlsp resume' or ('paused for %g minutes'):format(number))
  end)
end

function subcommands.resume()
  execute('kvlsp.resume', {}, function()
    tell('on')
  end)
end

function subcommands.trigger()
  require('kvlsp.completion').trigger()
end

subcommands['next'] = function()
  require('kvlsp.next').ask(true)
end

function subcommands.status()
  tell(table.concat(status.lines(), '\n'):gsub('^kvlsp: ', ''))
end

function subcommands.statistics()
  local found = here()
  if not found then
    return
  end
  client.call(found, 'request', 'kvlsp/statistics', vim.empty_dict(), function(err, result)
    if err or type(result) ~= 'table' then
      tell('the daemon gave no statistics: ' .. (err and err.message or 'empty answer'), vim.log.levels.ERROR)
      return
    end
    show('statistics', flat(result, '', {}))
  end)
end

--- Opens a page in the browser that shows what the daemon does.
function subcommands.inspect()
  execute('kvlsp.inspect', {}, function(result)
    tell('the page is open at ' .. result.address)
    vim.ui.open(result.address)
  end)
end

--- `:Kvlsp model` offers a list; `:Kvlsp model NAME` takes a folder, an id of the hub or `default` at once.
function subcommands.model(name)
  if name then
    if here() then
      require('kvlsp.models').use(name == 'default' and '' or name, tell)
    end
    return
  end
  if here() then
    tell('looking for models and measuring this machine ...')
  end
  execute('kvlsp.models', {}, function(found)
    require('kvlsp.models').choose(found, tell)
  end)
end

function subcommands.restart()
  client.restart()
end

function subcommands.log()
  vim.cmd.tabedit(vim.fn.fnameescape(vim.lsp.log and vim.lsp.log.get_filename and vim.lsp.log.get_filename() or vim.lsp.get_log_path()))
end

---@param arguments string[]
function M.run(arguments)
  local subcommand = subcommands[arguments[1] or 'status']
  if subcommand then
    subcommand(arguments[2])
  else
    tell(('unknown: %s. Known: %s.'):format(arguments[1], table.concat(M.complete(''), ', ')), vim.log.levels.ERROR)
  end
end

---@param lead string
function M.complete(lead)
  local names = vim.tbl_filter(function(name)
    return vim.startswith(name, lead)
  end, vim.tbl_keys(subcommands))
  table.sort(names)
  return names
end

return M
