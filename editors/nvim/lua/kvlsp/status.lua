--- What the daemon says about itself (`kvlsp/status`), and a short form of it for the status line.
local M = {}

---@class kvlsp.Status
---@field kind 'loading'|'ready'|'computing'|'paused'|'error'|'stopped'
---@field message string
---@field percent? number
---@field detail? table
---@field last? {items: integer, reason?: string, report: table} how the last request went
---@field problems? string[] what is wrong with the workspace, as long as it is

local current = { kind = 'stopped', message = 'no daemon is running' } ---@type kvlsp.Status
local of_client ---@type integer?

---@param new kvlsp.Status
---@param client_id? integer
function M.set(new, client_id)
  current, of_client = new, client_id
  vim.schedule(function()
    vim.cmd.redrawstatus()
    vim.api.nvim_exec_autocmds('User', { pattern = 'KvlspStatus', modeline = false })
  end)
end

--- The daemon of this client is gone.
---@param client_id integer
function M.forget(client_id)
  if of_client == client_id or of_client == nil then
    M.set({ kind = 'stopped', message = 'no daemon is running' })
  end
end

---@return kvlsp.Status
function M.get()
  return current
end

--- For 'statusline': "kvlsp", "kvlsp 40%", "kvlsp ...", "kvlsp off", "kvlsp !".
---@return string
function M.statusline()
  local kind = current.kind
  if kind == 'ready' and require('kvlsp.client').is_off(vim.api.nvim_get_current_buf()) then
    kind = 'paused'
  end
  if kind == 'loading' then
    return type(current.percent) == 'number' and ('kvlsp %d%%%%'):format(current.percent) or 'kvlsp loading'
  end
  local marks = { ready = 'kvlsp', computing = 'kvlsp ...', paused = 'kvlsp off', error = 'kvlsp !', stopped = '' }
  return marks[kind] or 'kvlsp'
end

--- Adds "  name: value" for each, in the order of the names.
local function list(values, lines)
  local names = vim.tbl_keys(values)
  table.sort(names)
  for _, name in ipairs(names) do
    local value = values[name]
    if value ~= vim.NIL then
      table.insert(lines, ('  %s: %s'):format(name, type(value) == 'table' and vim.inspect(value) or tostring(value)))
    end
  end
end

--- Lines for people: the state, what is wrong, then how the last request went, and why nothing came.
---@return string[]
function M.lines()
  local lines = { ('kvlsp: %s: %s'):format(current.kind, current.message or '') }
  for _, problem in ipairs(type(current.problems) == 'table' and current.problems or {}) do
    table.insert(lines, 'problem: ' .. problem)
  end
  local last = current.last
  if type(last) == 'table' then
    local nothing = type(last.reason) == 'string' and 'nothing, ' .. last.reason:gsub('_', ' ')
    table.insert(lines, 'last request: ' .. (nothing or ('%d suggestion(s)'):format(last.items)))
    list(last.report or {}, lines)
  elseif type(current.detail) == 'table' then
    list(current.detail, lines)
  end
  return lines
end

return M
