"""The 3D solver that HeatMat is measured against: meshes, ray queries, classic thermal paths.

It shares weather, sky, materials and convection with the rest of HeatMat, and no geometry or
solver code. Coordinates are local metres (x east, y north, z up, flat ground at z = 0) in single
precision.

From a city to rays::

    wall, roof = Layer("brick", 0.3), Layer("concrete", 0.2)      # plan.py
    buildings = [Building([outline, courtyard], 12.0, wall, roof)]
    mesh = build_mesh(buildings, extent=(-50, -50, 50, 50), ground=Layer("soil", 2.0))  # solids.py
    bvh = Bvh.build(mesh.vertices, mesh.faces)                    # bvh.py, NumPy; mesh.py: Mesh
    air = Bvh.build(mesh.vertices, mesh.faces, subset=mesh.bounding(AIR))
    nodes, triangles = bvh.to_device()      # two Taichi arrays, f32

and inside a kernel that takes ``nodes: ti.types.ndarray(), triangles: ti.types.ndarray()``
(rays.py)::

    hit = closest_hit(origin, direction, t_min, t_max, nodes, triangles)
    hit.t, hit.triangle, hit.u, hit.v, hit.normal        # triangle: row of mesh.faces, -1: none
    dark = blocked(origin, direction, t_min, t_max, nodes, triangles)       # any hit, 0 or 1
    near = closest_point(point, reach, nodes, triangles)
    near.distance, near.triangle, near.point             # for walks on spheres; -1: none in reach

Triangles are hit from both sides; ``hit.normal`` is the unit normal of the face, which points from
``mesh.behind`` (a solid) to ``mesh.front`` (outside air, indoor air, nothing, or another solid),
so ``dot(direction, normal) > 0`` means that the ray comes from behind. ``hit.triangle`` numbers
rows of ``mesh.faces`` whatever subset was built, so labels are looked up in the mesh's own order.
"""
