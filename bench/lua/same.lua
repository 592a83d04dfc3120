-- The same request again and again. TYPE and BODY make it a POST.
dofile(os.getenv("LUA") .. "/told.lua")

if os.getenv("BODY") then
  wrk.method, wrk.body = "POST", os.getenv("BODY")
  wrk.headers["Content-Type"] = os.getenv("TYPE")
end
wrk.headers["Authorization"] = os.getenv("AUTHORIZATION")
wrk.headers["Cookie"] = os.getenv("COOKIE")
