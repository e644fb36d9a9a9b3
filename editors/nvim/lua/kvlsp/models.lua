--- `:Kvlsp model`: the model chosen from a list, with what each takes on this machine.
local client = require('kvlsp.client')

local M = {}

---@class kvlsp.ModelEntry of the answer to `kvlsp.models`; see `kvlsp models --json`
---@field name string
---@field here boolean
---@field diskBytes integer
---@field weightBytes integer?
---@field cacheBytes integer?
---@field keyMs number?
---@field licence string
---@field remark string
---@field problem string
---@field recommended boolean

local function name_of(model)
  return model.name == '' and 'the default model' or model.name
end

--- One line of the list.
---@param model kvlsp.ModelEntry
---@param in_use string
function M.line(model, in_use)
  local parts = {} ---@type string[]
  local bytes = model.diskBytes
  if type(model.weightBytes) == 'number' then
    bytes = model.weightBytes + (type(model.cacheBytes) == 'number' and model.cacheBytes or 0)
  end
  table.insert(parts, ('%d MB'):format(math.floor(bytes / 1e6 + 0.5)))
  if type(model.keyMs) == 'number' then
    table.insert(parts, ('%.0f ms a key'):format(model.keyMs))
  end
  table.insert(parts, model.licence ~= '' and 'licence ' .. model.licence or 'licence not named')
  if not model.here then
    table.insert(parts, 'fetched when chosen')
  end
  if model.recommended then
    table.insert(parts, 'the largest that is quick enough here')
  end
  if model.problem ~= '' then
    table.insert(parts, model.problem)
  end
  return ('%s %s: %s'):format(model.name == in_use and '*' or ' ', name_of(model), table.concat(parts, ', '))
end

--- The daemon hears of it as of any setting, fetches what is not here, and goes on with the buffers that are open.
---@param name string
---@param tell fun(text: string, level?: integer)
function M.use(name, tell)
  client.configure(function(settings)
    settings.model = name ~= '' and name or nil
  end)
  tell(
    name == '' and 'the default model from now on'
      or ('%s from now on, in this Neovim. To keep it: vim.g.kvlsp = { settings = { model = %q } }'):format(name, name)
  )
end

---@param found {models: kvlsp.ModelEntry[], model: string}
---@param tell fun(text: string, level?: integer)
function M.choose(found, tell)
  vim.ui.select(found.models, {
    prompt = 'kvlsp: the model',
    kind = 'kvlsp.model',
    format_item = function(model)
      return M.line(model, found.model)
    end,
  }, function(model)
    if not model then
      return
    end
    if model.problem ~= '' then
      tell(('%s cannot be used. %s'):format(name_of(model), model.problem), vim.log.levels.WARN)
    elseif model.name ~= found.model then
      M.use(model.name, tell)
    end
  end)
end

return M
